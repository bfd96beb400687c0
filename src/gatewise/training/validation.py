"""Measuring on held-out data now and then."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InputError
from .callbacks import Callback

if TYPE_CHECKING:
    from .trainer import Trainer

Every = int | Literal["epoch"]
"""A number of steps, or ``"epoch"``."""


def check_every(every: object) -> None:
    """Raises InputError where it says neither."""
    if every != "epoch" and not (isinstance(every, int) and every >= 1):
        raise InputError(f'every is a number of steps or "epoch", not {every!r}')


class Validation(Callback):
    """Evaluates every so many steps, or after each epoch, and keeps the losses.

    evaluate: gives the loss on held-out data; called as `Trainer.validate` says, so that an average such as
    `NonMonotone` hears of it. then: told each loss. losses: all so far.
    """

    def __init__(
        self,
        evaluate: Callable[[], float],
        *,
        every: Every = "epoch",
        then: Callable[[Trainer, float], None] = lambda trainer, loss: None,
    ) -> None:
        check_every(every)
        self.evaluate, self.every, self.then = evaluate, every, then
        self.losses: list[float] = []

    def after_step(self, trainer: Trainer) -> None:
        """Evaluate, where steps count and it is time."""
        if isinstance(self.every, int) and trainer.step % self.every == 0:
            self._validate(trainer)

    def after_epoch(self, trainer: Trainer) -> None:
        """Evaluate, where epochs count."""
        if self.every == "epoch":
            self._validate(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The losses so far."""
        return {"losses": list(self.losses)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from them."""
        self.losses = list(state["losses"])

    def _validate(self, trainer: Trainer) -> None:
        loss = trainer.validate(self.evaluate)
        self.losses.append(loss)
        self.then(trainer, loss)
