"""The training loop, and the callbacks that join it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from ..errors import InputError
from .averaging import Average
from .sources import Source
from .torch_state import Generators
from .update import Precision, Totals, Update, check_parts, check_seed, check_totals


class Callback:
    """The base class of what observes a training run; its hooks do nothing.

    Callbacks are called in the order in which the trainer was given them: first ``after_step`` of all, then, if the
    update ended a pass over the data, ``after_epoch`` of all. A state of the trainer that one of them saves records
    which calls are still pending, so that a resumed run misses none.
    """

    def around_run(self, trainer: Trainer) -> AbstractContextManager[Any]:
        """A context that `Trainer.run` enters when it begins and leaves when it ends, also by an error."""
        return nullcontext()

    def after_step(self, trainer: Trainer) -> None:
        """Called after each update; ``trainer.step`` counts it already."""

    def after_epoch(self, trainer: Trainer) -> None:
        """Called after each update that ended a pass over the data."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: tensors, numbers, strings and None, in dicts, lists and tuples."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that `state_dict` gave."""


class Callbacks:
    """A trainer's callbacks, and their pending calls.

    pending: pairs of a hook's name and a callback's position, in order.
    """

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self.callbacks = _listed(callbacks)
        self.pending: list[list[Any]] = []

    @contextmanager
    def around_run(self, trainer: Trainer) -> Generator[None]:
        """The contexts of all callbacks, the first outermost."""
        with ExitStack() as stack:
            for callback in self.callbacks:
                stack.enter_context(callback.around_run(trainer))
            yield

    def call(self, trainer: Trainer, *hooks: str) -> None:
        """Call these hooks on every callback, pending ones first."""
        self.pending += [[hook, position] for hook in hooks for position in range(len(self.callbacks))]
        while self.pending:
            hook, position = self.pending.pop(0)
            getattr(self.callbacks[position], hook)(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The pending calls, and each callback's state with the name of its class."""
        states = [{"name": type(callback).__name__, "state": callback.state_dict()} for callback in self.callbacks]
        return {"owed": [list(pair) for pair in self.pending], "callbacks": states}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that `state_dict` gave. Raises InputError for one of other callbacks."""
        saved = [entry["name"] for entry in state["callbacks"]]
        present = [type(callback).__name__ for callback in self.callbacks]
        if saved != present:
            raise InputError(f"callbacks are {present}, and were {saved}", where="state")
        for callback, entry in zip(self.callbacks, state["callbacks"], strict=True):
            callback.load_state_dict(entry["state"])
        self.pending = [list(pair) for pair in state["owed"]]


def _listed(callbacks: object) -> tuple[Callback, ...]:
    """Raises InputError for what is no list of callbacks, such as one alone, or a function."""
    given: tuple[Any, ...] = tuple(callbacks) if isinstance(callbacks, Iterable) else (callbacks,)
    strange = [one for one in given if not hasattr(one, "around_run")]
    if strange or not isinstance(callbacks, Iterable):
        what = f"callbacks holds {strange[0]!r}" if strange else f"callbacks is one of them, {type(callbacks).__name__}"
        raise InputError(what, hint="give a list of objects of classes derived from Callback")
    return given


Loss = Callable[[nn.Module, Any], Tensor]
_SMOOTH = 0.05


@dataclass(frozen=True)
class Trained:
    """How a run of `Trainer` ended.

    Attributes:
        steps: Updates, of this run and those before it.
        epochs: Whole passes over the data, of this run and those before it.
        loss: The loss of the last updates, exponentially smoothed with weight 0.05.
        seconds: Wall-clock time of this run.
        stopped: Why it ended: ``"steps"``, ``"epochs"``, or the reason given to `Trainer.stop`.
    """

    steps: int
    epochs: int
    loss: float
    seconds: float
    stopped: str


class Trainer:
    """Trains a module by gradient descent, and can be resumed bit for bit.

    Args:
        module: The module to train, on its device.
        loss: Takes the module and a batch, and returns a scalar tensor, the mean loss of the batch. It may have
            ``state_dict`` and ``load_state_dict``, as `Carried` has.
        source: Where batches come from.
        optimizer: One of torch's, over parameters of the module.
        schedule: One of torch's schedulers for that optimizer, stepped once per update.
        clip: The bound of the global norm of the gradient, greater than 0; None for no clipping.
        accumulate: Batches per update, whose gradients are averaged.
        precision: ``"float32"``, or ``"bfloat16"`` or ``"float16"`` for torch's autocast.
        average: A running average of the weights.
        callbacks: Called after every update and every pass over the data.
        seed: Of torch's random generators during training, on the module's present devices; outside of it the
            caller's generators are as they were.

    Raises:
        InputError: Where these do not fit together.
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
        check_parts(module, loss, source, optimizer, schedule, clip, accumulate)
        check_seed(seed)
        devices = {parameter.device for parameter in module.parameters()}
        self.module, self.loss, self.source, self.optimizer = module, loss, source, optimizer
        self.schedule, self.average, self.callbacks = schedule, average, Callbacks(callbacks)
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
        """How many whole passes over the data are done."""
        return self.source.epoch

    @property
    def done(self) -> float:
        """The fraction of the run that is done, from 0 to 1, by steps or by epochs, whichever is closer to its end."""
        return self.totals.done(self.step, self.epoch)

    def run(self, steps: int | None = None, epochs: int | None = None) -> Trained:
        """Train up to these totals, whichever comes first, and leave the module in evaluation mode.

        An update that overflows float16 is skipped and not counted.

        Args:
            steps: Updates in all, those of earlier runs included; None for no limit.
            epochs: Passes over the data in all, those of earlier runs included; None for no limit.

        Returns:
            How the run ended.

        Raises:
            DivergedError: For a loss or gradient that is not finite; weights, optimizer and carried state are then
                those before that update.
            InputError: Where neither total is given, or epochs for a source that has none.
        """
        check_totals(self.source, steps, epochs)
        self.totals = Totals(steps, epochs)
        begun = time.monotonic()
        with self.generators.lent(), ExitStack() as stack:
            stack.callback(self.module.eval)
            stack.enter_context(self.callbacks.around_run(self))
            self.module.train()
            self.callbacks.call(self)  # calls that an interrupted run left pending
            while not self._is_over():
                self._advance()
        reason, self._reason = self._is_over(), ""
        return Trained(self.step, self.epoch, self.smooth_loss, time.monotonic() - begun, reason)

    def stop(self, reason: str) -> None:
        """End the run after this update; for callbacks.

        Args:
            reason: What `Trained.stopped` will say.
        """
        self._reason = self._reason or reason

    def averaged(self) -> AbstractContextManager[None]:
        """A block in which the module has its averaged weights, where there is an average."""
        return self.average.in_place() if self.average else nullcontext()

    def validate(self, evaluate: Callable[[], float]) -> float:
        """Evaluate the module with averaged weights, where there is an average, in evaluation mode, without gradients.

        Training continues as if nothing had been evaluated, except that the average receives the value.

        Args:
            evaluate: Computes the loss on held-out data.

        Returns:
            That loss.
        """
        with self.generators.untouched(), self.averaged(), torch.no_grad(), ExitStack() as stack:
            stack.callback(self.module.train, self.module.training)
            self.module.eval()
            value = float(evaluate())
        if self.average:
            self.average.validated(value)
        return value

    def state_dict(self) -> dict[str, Any]:
        """All that a run needs to continue as if it had not been interrupted.

        Returns:
            Dicts, lists and tuples of tensors, numbers, strings and None. The tensors are the live ones, not copies.
        """
        numbers = {"step": self.step, "last_loss": self.last_loss, "smooth_loss": self.smooth_loss}
        return {**{name: part.state_dict() for name, part in self._parts().items()}, **numbers, "stopped": self._reason}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that `state_dict` gave.

        Raises:
            InputError: For a state of a trainer that was made in another way.
        """
        parts = self._parts()
        _check_state(state, set(parts))
        # optimizers keep the tensors that they load
        state = {**state, "optimizer": deepcopy(state["optimizer"])}
        for name, part in parts.items():
            part.load_state_dict(state[name])
        self.step, self.last_loss, self.smooth_loss = state["step"], state["last_loss"], state["smooth_loss"]
        self._reason = state["stopped"]

    def _parts(self) -> dict[str, Any]:
        """Everything with a state, by name: first what may refuse a state, and the optimizer before its schedule."""
        parts = {
            "callbacks": self.callbacks,
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
        """Why the run is over, or ``""``."""
        return self._reason or self.totals.reached(self.step, self.epoch)

    def _advance(self) -> None:
        """One update, and the callbacks after it."""
        epoch = self.epoch
        loss = self.update(self.source, self.step + 1)
        if loss is not None:
            self._count(loss)
        hooks = ["after_step"] * (loss is not None) + ["after_epoch"] * (self.epoch > epoch)
        self.callbacks.call(self, *hooks)

    def _count(self, loss: float) -> None:
        """Count an update, and advance the schedule and the average."""
        self.smooth_loss = loss if self.step == 0 else self.smooth_loss + _SMOOTH * (loss - self.smooth_loss)
        self.last_loss = loss
        self.step += 1
        if self.schedule:
            self.schedule.step()
        if self.average:
            self.average.after_step(self.step)


def _check_state(state: Any, parts: set[str]) -> None:
    """Raises InputError where a state is none, or that of a trainer with other parts."""
    if not isinstance(state, Mapping):
        raise InputError(f"the state is of type {type(state).__name__}", hint="give what state_dict() returned")
    for name in sorted({"schedule", "scaler", "average", "loss"} & (state.keys() ^ parts)):
        has, lacks = ("the state", "the trainer") if name in state else ("the trainer", "the state")
        raise InputError(f"{has} has a part {name!r}, and {lacks} has none", where="state")
    missing = sorted((parts | {"step", "last_loss", "smooth_loss", "stopped"}) - state.keys())
    if missing:
        raise InputError(f"{', '.join(missing)} missing", where="state")
