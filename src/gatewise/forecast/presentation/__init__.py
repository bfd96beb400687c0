"""What the command line shows and writes: tables, documents, the report page."""
