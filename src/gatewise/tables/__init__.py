"""Every file or frame as a Panel or Sequences, or refused with its row and column."""
