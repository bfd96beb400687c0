"""How far a task is: a bar or a spinner on a terminal, silence elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar

from .errors import InputError
from .escape import visible

OnProgress = Callable[[float, str], None]
"""Called with the fraction done, 0 to 1, and a few words."""


_shown: ContextVar[bool] = ContextVar("_shown", default=True)


@contextmanager
def hidden() -> Generator[None]:
    """No bar and no spinner while the block runs."""
    before = _shown.set(False)
    try:
        yield
    finally:
        _shown.reset(before)


@contextmanager
def progress_bar(words: str = "", *, transient: bool = True) -> Generator[OnProgress | None]:
    """A bar on standard error while the block runs; None where standard error is no terminal.

    Of several processes that torchrun started, only the first shows one.

    Args:
        words: What stands beside the bar until the first call.
        transient: Whether the bar vanishes at the end.

    Yields:
        The function that moves the bar and sets its words.
    """
    if not _wanted():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(24),
        TextColumn("{task.description}", markup=False),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(stderr=True), transient=transient) as bar:
        task = bar.add_task(visible(words), total=1.0)
        yield lambda done, text: bar.update(task, completed=done, description=visible(text))


@contextmanager
def busy(words: str) -> Generator[None]:
    """A spinner with these words on standard error while the block runs; nothing where that is no terminal."""
    if not _wanted():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(visible(words))):
        yield


def _wanted() -> bool:
    return _shown.get() and sys.stderr.isatty() and os.environ.get("RANK", "0") == "0"


class Stages:
    """One progress made of several tasks that run one after another.

    It is handed to each task as its progress; `stage` says which share of ``total`` the running task has.
    """

    def __init__(self, progress: OnProgress | None, total: float = 1.0) -> None:
        if progress is not None and not callable(progress):
            hint = "give a function of the fraction done, 0 to 1, and a few words"
            raise InputError(f"progress is {progress!r}", hint=hint)
        self.progress, self.total = progress, total
        self.behind, self.share = 0.0, 0.0

    def __call__(self, done: float, words: str) -> None:
        """Report that the running task is ``done``."""
        if self.progress:
            self.progress(min((self.behind + self.share * done) / self.total, 1.0), words)

    def rest(self) -> None:
        """All stages are over: what a task reports from now on is passed on unscaled."""
        self.behind, self.share, self.total = 0.0, 1.0, 1.0

    @contextmanager
    def stage(self, share: float, words: str) -> Generator[None]:
        """Run a task of this share; ``words`` name it when it begins and when it ends."""
        self.share = share
        self(0.0, words)
        yield
        self(1.0, words)
        self.behind, self.share = self.behind + share, 0.0
