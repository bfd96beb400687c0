"""What can be done with the file of a detector."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...tables.options import DEFAULTS, ReadOptions
from ...tables.panel import Panel
from ...tables.reading import load_panel
from ..kind import Supplied
from .detector import Detector


def load(path: str | Path, supplied: Supplied) -> Detector:
    """The detector in a file."""
    return Detector.load(path)


def read(path: Path, options: ReadOptions | None, label: str) -> Panel:
    """A table of series, in which what is missing is marked."""
    return load_panel(path, replace(options or DEFAULTS, fill="previous"))
