"""A progress bar on a terminal."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..progress import OnProgress, progress_bar
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
        self._bar: OnProgress | None = None
        self._shown = 0.0

    @contextmanager
    def around_run(self, trainer: Trainer) -> Generator[None]:
        """Show the bar while the run lasts."""
        with progress_bar(transient=False) as bar:
            self._bar = bar
            try:
                yield
            finally:
                self._show(trainer)
                self._bar = None

    def after_step(self, trainer: Trainer) -> None:
        """Update the bar, at most ten times a second."""
        if time.monotonic() - self._shown > _REFRESH:
            self._show(trainer)

    def _show(self, trainer: Trainer) -> None:
        if self._bar is not None:
            self._shown = time.monotonic()
            self._bar(trainer.done, f"step {trainer.step}, epoch {trainer.epoch}, loss {trainer.smooth_loss:.4g}")
