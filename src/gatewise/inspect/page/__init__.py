"""One page of HTML, complete in itself, on which a person steps through time inside an LSTM."""

from .chart import Chart, Interval, Scores
from .document import Inputs, Page, PageLayer, Timescales, Wire
from .explained import Output, Refusal, Split, explained
from .render import render, script_hash

__all__ = [
    "Chart",
    "Inputs",
    "Interval",
    "Output",
    "Page",
    "PageLayer",
    "Refusal",
    "Scores",
    "Split",
    "Timescales",
    "Wire",
    "explained",
    "render",
    "script_hash",
]
