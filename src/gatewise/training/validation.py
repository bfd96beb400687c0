"""Measuring on held-out data, stopping early, and lowering the rate on a plateau."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Literal

from torch.optim.lr_scheduler import ReduceLROnPlateau

from ..errors import InputError
from .trainer import Callback

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


class EarlyStopping(Callback):
    """Ends a run after ``patience`` validations in a row without a new lowest loss.

    evaluate, every: as for `Validation`, which is found under ``validation``. keep_best: after a run, however it ended
    but by an error, the module has the weights of the lowest loss, as they were evaluated: averaged, where there is an
    average. A further run goes on from the weights of training all the same. best: the lowest loss so far.
    """

    def __init__(
        self, evaluate: Callable[[], float], *, every: Every = "epoch", patience: int = 5, keep_best: bool = True
    ) -> None:
        if patience < 1:
            raise InputError(f"patience must be at least 1, not {patience}")
        self.validation = Validation(evaluate, every=every, then=self._judge)
        self.patience, self.keep_best = patience, keep_best
        self.best, self.stale = math.inf, 0
        self._best_weights: dict[str, Any] | None = None
        self._training_weights: dict[str, Any] | None = None

    @contextmanager
    def around_run(self, trainer: Trainer) -> Generator[None]:
        """Leave the best weights in the module at the end, and begin with those of training."""
        if self._training_weights:
            trainer.module.load_state_dict(self._training_weights)
            self._training_weights = None
        yield
        if self._best_weights:
            self._training_weights = deepcopy(trainer.module.state_dict())
            trainer.module.load_state_dict(self._best_weights)

    def after_step(self, trainer: Trainer) -> None:
        """Evaluate and judge, where steps count and it is time."""
        self.validation.after_step(trainer)

    def after_epoch(self, trainer: Trainer) -> None:
        """Evaluate and judge, where epochs count."""
        self.validation.after_epoch(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The losses so far, and the weights of the lowest."""
        own = {"best": self.best, "stale": self.stale}
        weights = {"best_weights": self._best_weights, "training_weights": self._training_weights}
        return {**self.validation.state_dict(), **own, **weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.validation.load_state_dict(state)
        self.best, self.stale = state["best"], state["stale"]
        self._best_weights, self._training_weights = state["best_weights"], state["training_weights"]

    def _judge(self, trainer: Trainer, loss: float) -> None:
        if loss < self.best:
            self.best, self.stale = loss, 0
            if self.keep_best:
                with trainer.averaged():
                    self._best_weights = deepcopy(trainer.module.state_dict())
            return
        self.stale += 1
        if self.stale >= self.patience:
            trainer.stop(f"no gain in {self.stale} validations")
