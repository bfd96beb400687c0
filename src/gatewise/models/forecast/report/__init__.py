"""The report: one page that opens offline and shows the forecast, its test and what was inferred."""

from .report import embedded_page, render, shown_first

__all__ = ["embedded_page", "render", "shown_first"]
