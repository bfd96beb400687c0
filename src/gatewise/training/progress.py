"""A progress bar on a terminal."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .trainer import Callback

if TYPE_CHECKING:
    from .trainer import Trainer

_REFRESH = 0.1


class Progress(Callback):
    """A callback that shows a bar with steps, epochs and the smoothed loss on standard error.

    It shows nothing where standard error is not a terminal. Of several processes that torchrun started, only the first
    shows it.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._shown = 0.0

    @contextmanager
    def around_run(self, trainer: Trainer) -> Generator[None]:
        """Show the bar while the run lasts."""
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        if not console.is_terminal or os.environ.get("RANK", "0") != "0":
            yield
            return
        words = TextColumn("{task.description}")
        with Bar(BarColumn(), TimeRemainingColumn(), words, console=console) as self._bar:
            self._bar.add_task("", total=1.0)
            try:
                yield
            finally:
                self._show(trainer)
                self._bar = None

    def after_step(self, trainer: Trainer) -> None:
        """Update the bar, at most ten times a second."""
        if self._bar is not None and time.monotonic() - self._shown > _REFRESH:
            self._show(trainer)

    def _show(self, trainer: Trainer) -> None:
        self._shown = time.monotonic()
        words = f"step {trainer.step}, epoch {trainer.epoch}, loss {trainer.smooth_loss:.4g}"
        self._bar.update(self._bar.task_ids[0], completed=trainer.done, description=words)
