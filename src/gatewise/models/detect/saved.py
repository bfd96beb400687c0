"""What can be done with the file of a detector."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...errors import InputError, argument
from ...export.c.write import ExportedC
from ...inspect.subject import Subject
from ...tables.options import DEFAULTS, ReadOptions
from ...tables.panel import Panel
from ...tables.reading import load_panel
from ..kind import Question, Supplied, refuse_history
from .detector import Detector
from .inside import subject_of


def load(path: str | Path, supplied: Supplied) -> Detector:
    """The detector in a file."""
    return Detector.load(path)


def read(path: Path, options: ReadOptions | None, label: str) -> Panel:
    """A table of series, in which what is missing is marked."""
    return load_panel(path, replace(options or DEFAULTS, fill="previous"))


def device(detector: Detector, path: str | Path, name: str, series: str | None, history: int | None) -> ExportedC:
    """The detector as C."""
    refuse_history(history)
    return detector.to_c(path, name=name, series=series)


def explain(detector: Detector, panel: Panel, question: Question, source: str) -> Subject:
    """The network behind what was expected of one row of one series."""
    if question.output is not None and not question.output.isdecimal():
        raise InputError(f"{argument('output')} is {question.output!r}", hint="give the number of a row, from 1")
    row = None if question.output is None else int(question.output)
    subject = subject_of(detector, panel, question.series, row)
    return replace(subject, title=": ".join(filter(None, (source, subject.title))))
