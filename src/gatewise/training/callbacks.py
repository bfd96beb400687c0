"""The seam where others join a training."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    from .trainer import Trainer


class Callback:
    """Someone who is told how a training goes; by default does nothing.

    Callbacks are called in the order in which the trainer was given them: first all after the step, then, if it ended a
    pass over the data, all after the epoch. A state of the trainer that is saved by one of them knows who is still to
    be told, so that a resumed run misses nothing.
    """

    def around_run(self, trainer: Trainer) -> AbstractContextManager[Any]:
        """A context that `Trainer.run` enters when it begins and leaves when it ends, by an error too."""
        return nullcontext()

    def after_step(self, trainer: Trainer) -> None:
        """An update was made; ``trainer.step`` counts it."""

    def after_epoch(self, trainer: Trainer) -> None:
        """An update was made that ended a pass over the data."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must know: tensors, numbers, strings and None, in dicts, lists and tuples."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""


class Listeners:
    """A trainer's callbacks, and what they are still to be told.

    owed: pairs of a hook's name and a callback's position, in order.
    """

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self.callbacks = tuple(callbacks)
        self.owed: list[list[Any]] = []

    @contextmanager
    def around_run(self, trainer: Trainer) -> Generator[None]:
        """All their contexts, the first outermost."""
        with ExitStack() as stack:
            for callback in self.callbacks:
                stack.enter_context(callback.around_run(trainer))
            yield

    def tell(self, trainer: Trainer, *hooks: str) -> None:
        """Call these hooks of everybody, after those that are owed."""
        self.owed += [[hook, position] for hook in hooks for position in range(len(self.callbacks))]
        while self.owed:
            hook, position = self.owed.pop(0)
            getattr(self.callbacks[position], hook)(trainer)

    def state_dict(self) -> dict[str, Any]:
        """What is owed, and each callback's own state under its class's name."""
        states = [{"name": type(each).__name__, "state": each.state_dict()} for each in self.callbacks]
        return {"owed": [list(pair) for pair in self.owed], "callbacks": states}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there. Raises InputError where the callbacks are others."""
        found, mine = [each["name"] for each in state["callbacks"]], [type(each).__name__ for each in self.callbacks]
        if found != mine:
            raise InputError(f"callbacks are {mine}, and were {found}", where="state")
        for callback, kept in zip(self.callbacks, state["callbacks"], strict=True):
            callback.load_state_dict(kept["state"])
        self.owed = [list(pair) for pair in state["owed"]]
