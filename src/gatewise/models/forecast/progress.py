"""Telling whoever waits how far a task is."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

Progress = Callable[[float, str], None]
"""Called with the fraction done, 0 to 1, and a few words."""


class Stages:
    """One progress made of several tasks that run one after another.

    Given to each task as its progress; `stage` says which share of ``total`` the running task has.
    """

    def __init__(self, progress: Progress | None, total: float = 1.0) -> None:
        self.progress, self.total = progress, total
        self.behind, self.share = 0.0, 0.0

    def __call__(self, done: float, words: str) -> None:
        """Report that the running task is ``done``."""
        if self.progress:
            self.progress(min((self.behind + self.share * done) / self.total, 1.0), words)

    def rest(self) -> None:
        """All stages are over: what a task says from now on is passed on as it is."""
        self.behind, self.share, self.total = 0.0, 1.0, 1.0

    @contextmanager
    def stage(self, share: float, words: str) -> Generator[None]:
        """Run a task of this share; ``words`` say what begins, and what is done."""
        self.share = share
        self(0.0, words)
        yield
        self(1.0, words)
        self.behind, self.share = self.behind + share, 0.0
