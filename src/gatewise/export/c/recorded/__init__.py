"""Recorded NumPy programs as C."""
