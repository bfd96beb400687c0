"""From a file or a frame to a panel: read, recognise, check, repair only what was asked for."""
