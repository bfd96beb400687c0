"""Progress for whoever sits in front of a terminal, and for nobody else."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

from ..escape import visible
from ..models.forecast.progress import Progress


@contextmanager
def watched() -> Generator[Progress | None]:
    """A progress to hand on: a line on stderr that vanishes at the end, None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    words = TextColumn("{task.description}", markup=False)
    with Bar(BarColumn(24), words, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=1.0)
        yield lambda done, text: bar.update(task, completed=done, description=visible(text))
