"""The report: one page that opens offline and shows the forecast, its test and what was inferred."""

from .report import render, shown_first

__all__ = ["render", "shown_first"]
