"""The drivers that carry a step through time. None of them knows a cell by name."""
