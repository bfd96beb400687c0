"""Language models over characters or tokens."""
