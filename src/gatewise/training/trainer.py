"""The training loop, and the seam where others join it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from ..errors import InputError
from .averaging import Average
from .generators import Generators
from .sources import Source, check_parts, check_state, check_totals
from .update import Precision, Totals, Update


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


Loss = Callable[[nn.Module, Any], Tensor]
_SMOOTH = 0.05


@dataclass(frozen=True)
class Trained:
    """How a run ended.

    steps, epochs: totals, of this run and those before it. loss: exponentially smoothed, each update's weight being
    0.05. seconds: wall time of this run. stopped: ``"steps"``, ``"epochs"`` or the reason given to `Trainer.stop`.
    """

    steps: int
    epochs: int
    loss: float
    seconds: float
    stopped: str


class Trainer:
    """Fits a module by gradient descent.

    loss: takes the module and a batch, and gives a scalar, the mean loss of the batch. It may have ``state_dict`` and
    ``load_state_dict``, as `Carried` has. source: where batches come from. optimizer: one of torch's, over parameters
    of the module. schedule: one of torch's schedulers, stepped once per update. clip: bound of the global norm of the
    gradient, or None. accumulate: batches per update, whose gradients are averaged. precision: ``"float32"``, or
    ``"bfloat16"`` or ``"float16"`` for torch's autocast. average: of the weights. callbacks: told of every update.
    seed: of torch's random generators while training, on the devices on which the module is now; the caller's are left
    as they were found.
    Raises InputError where these do not fit together.
    """

    def __init__(
        self,
        module: nn.Module,
        loss: Loss,
        source: Source,
        optimizer: torch.optim.Optimizer,
        *,
        schedule: LRScheduler | None = None,
        clip: float | None = 1.0,
        accumulate: int = 1,
        precision: str = "float32",
        average: Average | None = None,
        callbacks: Iterable[Callback] = (),
        seed: int = 0,
    ) -> None:
        check_parts(module, optimizer, schedule, clip, accumulate)
        devices = {parameter.device for parameter in module.parameters()}
        self.module, self.loss, self.source, self.optimizer = module, loss, source, optimizer
        self.schedule, self.average, self.listeners = schedule, average, Listeners(callbacks)
        self.precision = Precision(precision, min(device.type for device in devices))
        self.generators = Generators(seed, devices)
        self.update = Update(module, loss, optimizer, clip, accumulate, self.precision)
        if average:
            average.attach(module)
        self.step = 0
        self.last_loss = self.smooth_loss = float("nan")
        self.totals = Totals()
        self._reason = ""

    @property
    def epoch(self) -> int:
        """Whole passes over the data."""
        return self.source.epoch

    @property
    def done(self) -> float:
        """The fraction of the run's totals behind us, by steps or by epochs, whichever is further."""
        return self.totals.done(self.step, self.epoch)

    def run(self, steps: int | None = None, epochs: int | None = None) -> Trained:
        """Train up to these totals, whichever comes first, and leave the module in evaluation mode.

        An update that overflows float16 is left out and not counted. Raises DivergedError on a loss or gradient that
        is not finite; weights, optimiser and carried state are then those before that update. Raises InputError where
        there is no end.
        """
        check_totals(self.source, steps, epochs)
        self.totals = Totals(steps, epochs)
        begun = time.monotonic()
        with self.generators.lent(), ExitStack() as stack:
            stack.callback(self.module.eval)
            stack.enter_context(self.listeners.around_run(self))
            self.module.train()
            self.listeners.tell(self)  # what an interrupted run still owes
            while not self._is_over():
                self._advance()
        reason, self._reason = self._is_over(), ""
        return Trained(self.step, self.epoch, self.smooth_loss, time.monotonic() - begun, reason)

    def stop(self, reason: str) -> None:
        """End the run after this update; for callbacks."""
        self._reason = self._reason or reason

    def averaged(self) -> AbstractContextManager[None]:
        """A block in which the module has its averaged weights, where there are some."""
        return self.average.in_place() if self.average else nullcontext()

    def validate(self, evaluate: Callable[[], float]) -> float:
        """What ``evaluate`` returns, with averaged weights where there are some, in evaluation mode, without gradients.

        Training goes on as if nothing had been evaluated, but for what the average makes of the figure.
        """
        with self.generators.untouched(), self.averaged(), torch.no_grad(), ExitStack() as stack:
            stack.callback(self.module.train, self.module.training)
            self.module.eval()
            value = float(evaluate())
        if self.average:
            self.average.validated(value)
        return value

    def state_dict(self) -> dict[str, Any]:
        """All that a run needs to go on as if it had not been interrupted.

        Dicts, lists and tuples of tensors, numbers, strings and None. The tensors are the live ones, not copies.
        """
        numbers = {"step": self.step, "last_loss": self.last_loss, "smooth_loss": self.smooth_loss}
        return {**{name: part.state_dict() for name, part in self._parts().items()}, **numbers, "stopped": self._reason}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state of a trainer that was made in the same way. Raises InputError if it was not."""
        parts = self._parts()
        check_state(state, set(parts))
        # optimisers keep the tensors that they are given
        state = {**state, "optimizer": deepcopy(state["optimizer"])}
        for name, part in parts.items():
            part.load_state_dict(state[name])
        self.step, self.last_loss, self.smooth_loss = state["step"], state["last_loss"], state["smooth_loss"]
        self._reason = state["stopped"]

    def _parts(self) -> dict[str, Any]:
        """All that has a state, by name; first what may refuse another's, and the optimiser before its schedule."""
        parts = {
            "callbacks": self.listeners,
            "module": self.module,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "scaler": self.precision.scaler,
            "average": self.average,
            "source": self.source,
            "loss": self.loss if hasattr(self.loss, "state_dict") else None,
            "generators": self.generators,
        }
        return {name: part for name, part in parts.items() if part is not None}

    def _is_over(self) -> str:
        """Why there is nothing more to do, if so."""
        return self._reason or self.totals.reached(self.step, self.epoch)

    def _advance(self) -> None:
        """One update, and everybody told."""
        epoch = self.epoch
        loss = self.update(self.source, self.step + 1)
        if loss is not None:
            self._count(loss)
        hooks = ["after_step"] * (loss is not None) + ["after_epoch"] * (self.epoch > epoch)
        self.listeners.tell(self, *hooks)

    def _count(self, loss: float) -> None:
        """An update was made: move on whatever follows from it."""
        self.smooth_loss = loss if self.step == 0 else self.smooth_loss + _SMOOTH * (loss - self.smooth_loss)
        self.last_loss = loss
        self.step += 1
        if self.schedule:
            self.schedule.step()
        if self.average:
            self.average.after_step(self.step)
