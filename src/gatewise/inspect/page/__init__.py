"""One page of HTML, complete in itself, on which a person steps through time inside an LSTM."""

from .chart import Chart, PredictionInterval, Scores
from .document import Inputs, Page, PageLayer, PageTimescales, PageWire
from .explained import Output, Refusal, Split, explained
from .render import render, script_hash

__all__ = [
    "Chart",
    "Inputs",
    "Output",
    "Page",
    "PageLayer",
    "PageTimescales",
    "PageWire",
    "PredictionInterval",
    "Refusal",
    "Scores",
    "Split",
    "explained",
    "render",
    "script_hash",
]
