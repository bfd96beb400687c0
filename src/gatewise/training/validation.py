"""Callbacks that evaluate on held-out data, stop early, or lower the learning rate on a plateau."""

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
    """Raises InputError for anything else than `Every`."""
    if every != "epoch" and not (isinstance(every, int) and every >= 1):
        raise InputError(f'every is a number of steps or "epoch", not {every!r}')


class Validation(Callback):
    """A callback that evaluates at regular updates or after each epoch, and keeps the losses.

    Args:
        evaluate: Computes the loss on held-out data; called through `Trainer.validate`, so that an average such as
            `NonMonotone` receives it.
        every: Updates between two evaluations, at least 1, or ``"epoch"``.
        then: Called with the trainer and each loss.

    Attributes:
        losses: All losses so far.

    Raises:
        InputError: For another ``every``.
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
        """Evaluate, where updates are counted and it is due."""
        if isinstance(self.every, int) and trainer.step % self.every == 0:
            self._validate(trainer)

    def after_epoch(self, trainer: Trainer) -> None:
        """Evaluate, where epochs are counted."""
        if self.every == "epoch":
            self._validate(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The losses so far."""
        return {"losses": list(self.losses)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from losses that `state_dict` gave."""
        self.losses = list(state["losses"])

    def _validate(self, trainer: Trainer) -> None:
        loss = trainer.validate(self.evaluate)
        self.losses.append(loss)
        self.then(trainer, loss)


class Plateau(Callback):
    """A callback that lowers the learning rate where validation no longer improves.

    Args:
        evaluate: As for `Validation`.
        scheduler: torch's scheduler of the trainer's optimizer, stepped with each loss.
        every: As for `Validation`.

    Attributes:
        validation: The `Validation` that it uses.
    """

    def __init__(self, evaluate: Callable[[], float], scheduler: ReduceLROnPlateau, *, every: Every = "epoch") -> None:
        self.scheduler = scheduler
        self.validation = Validation(evaluate, every=every, then=lambda trainer, loss: scheduler.step(loss))

    def after_step(self, trainer: Trainer) -> None:
        """Evaluate and step, where updates are counted and it is due."""
        self.validation.after_step(trainer)

    def after_epoch(self, trainer: Trainer) -> None:
        """Evaluate and step, where epochs are counted."""
        self.validation.after_epoch(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The losses so far, and the scheduler's state."""
        return {**self.validation.state_dict(), "scheduler": self.scheduler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that `state_dict` gave."""
        self.validation.load_state_dict(state)
        self.scheduler.load_state_dict(state["scheduler"])


class EarlyStopping(Callback):
    """A callback that ends a run after ``patience`` validations in a row without a new lowest loss.

    Args:
        evaluate: As for `Validation`.
        every: As for `Validation`.
        patience: How many validations without a new lowest loss end the run, at least 1.
        keep_best: Whether, after a run that did not end by an error, the module has the weights of the lowest loss as
            they were evaluated, that is averaged where there is an average. A further run still continues from the
            last weights of training.

    Attributes:
        best: The lowest loss so far.
        validation: The `Validation` that it uses.

    Raises:
        InputError: For a patience below 1.
    """

    def __init__(
        self, evaluate: Callable[[], float], *, every: Every = "epoch", patience: int = 5, keep_best: bool = True
    ) -> None:
        if patience < 1:
            raise InputError(f"patience must be at least 1, not {patience}")
        self.validation = Validation(evaluate, every=every, then=self._compare)
        self.patience, self.keep_best = patience, keep_best
        self.best, self.stale = math.inf, 0
        self._best_weights: dict[str, Any] | None = None
        self._training_weights: dict[str, Any] | None = None

    @contextmanager
    def around_run(self, trainer: Trainer) -> Generator[None]:
        """Begin with the weights of training, and leave the best ones in the module at the end."""
        if self._training_weights:
            trainer.module.load_state_dict(self._training_weights)
            self._training_weights = None
        yield
        if self._best_weights:
            self._training_weights = deepcopy(trainer.module.state_dict())
            trainer.module.load_state_dict(self._best_weights)

    def after_step(self, trainer: Trainer) -> None:
        """Evaluate and compare, where updates are counted and it is due."""
        self.validation.after_step(trainer)

    def after_epoch(self, trainer: Trainer) -> None:
        """Evaluate and compare, where epochs are counted."""
        self.validation.after_epoch(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The losses so far, and the weights of the lowest."""
        counts = {"best": self.best, "stale": self.stale}
        weights = {"best_weights": self._best_weights, "training_weights": self._training_weights}
        return {**self.validation.state_dict(), **counts, **weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that `state_dict` gave."""
        self.validation.load_state_dict(state)
        self.best, self.stale = state["best"], state["stale"]
        self._best_weights, self._training_weights = state["best_weights"], state["training_weights"]

    def _compare(self, trainer: Trainer, loss: float) -> None:
        if loss < self.best:
            self.best, self.stale = loss, 0
            if self.keep_best:
                with trainer.averaged():
                    self._best_weights = deepcopy(trainer.module.state_dict())
            return
        self.stale += 1
        if self.stale >= self.patience:
            trainer.stop(f"no improvement in {self.stale} validations")
