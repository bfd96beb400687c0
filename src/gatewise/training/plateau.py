"""torch's ReduceLROnPlateau as a callback."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch.optim.lr_scheduler import ReduceLROnPlateau

from .callbacks import Callback
from .validation import Every, Validation

if TYPE_CHECKING:
    from .trainer import Trainer


class Plateau(Callback):
    """Lowers the learning rate where validation gains nothing more, as the scheduler says.

    evaluate, every: as for `Validation`, which is found under ``validation``.
    """

    def __init__(self, evaluate: Callable[[], float], scheduler: ReduceLROnPlateau, *, every: Every = "epoch") -> None:
        self.scheduler = scheduler
        self.validation = Validation(evaluate, every=every, then=lambda trainer, loss: scheduler.step(loss))

    def after_step(self, trainer: Trainer) -> None:
        """Evaluate and step, where steps count and it is time."""
        self.validation.after_step(trainer)

    def after_epoch(self, trainer: Trainer) -> None:
        """Evaluate and step, where epochs count."""
        self.validation.after_epoch(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The losses so far, and the scheduler's own state."""
        return {**self.validation.state_dict(), "scheduler": self.scheduler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.validation.load_state_dict(state)
        self.scheduler.load_state_dict(state["scheduler"])
