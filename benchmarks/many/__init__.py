"""Many series on one machine."""
