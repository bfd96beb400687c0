"""One update of the weights: its checks, precision, accumulation, clipping, and the totals of a run."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from ..errors import InputError, ShapeError
from .sources import Source
from .stability import Snapshot, clip_gradient, diverged, gradient_norm, has_bad_gradient

_HALVES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
PRECISIONS = ("float32", *_HALVES)
"""What a forward pass can be made in."""


def check_parts(
    module: nn.Module,
    loss: object,
    source: Source,
    optimizer: torch.optim.Optimizer,
    schedule: LRScheduler | None,
    clip: float | None,
    accumulate: int,
) -> None:
    """Raises InputError where the parts of a trainer do not fit together, or the batches come from no source."""
    needed = ("epoch", "next_batch", "state_dict", "load_state_dict")
    if missing := [name for name in needed if not hasattr(source, name)]:
        what = f"the source is a {type(source).__name__}, which has no {missing[0]}"
        hint = "give Shuffled(data, batch_size), of tensors or a dataset, or an object with the methods of a Source"
        raise InputError(what, hint=hint)
    _check_kinds(module, loss, optimizer)
    owned = {id(parameter) for parameter in module.parameters()}
    updated = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    if not updated <= owned:
        raise InputError(
            f"the optimizer updates {len(updated - owned)} parameters that the module does not have",
            hint="create the optimizer from module.parameters(), after moving the module to its device",
        )
    if isinstance(schedule, ReduceLROnPlateau):
        raise InputError("ReduceLROnPlateau needs a validation loss", hint="use the callback Plateau")
    if schedule is not None and schedule.optimizer is not optimizer:
        raise InputError("the schedule belongs to another optimizer")
    if clip is not None and (not isinstance(clip, numbers.Real) or not clip > 0):
        raise InputError(f"clip must be greater than 0 or None, not {clip!r}")
    if not isinstance(accumulate, numbers.Integral) or accumulate < 1:
        raise InputError(f"accumulate must be a whole number of at least 1, not {accumulate!r}")


def check_seed(seed: object) -> None:
    """Raises InputError for what torch's generators do not begin with."""
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or not -(2**63) <= int(seed) < 2**64:
        raise InputError(f"seed must be a whole number, not {seed!r}")


def _check_kinds(module: object, loss: object, optimizer: object) -> None:
    """Raises InputError for what is no module, no loss, and no optimizer of one, such as the class alone."""
    if not callable(loss):
        hint = "give a function of the module and a batch that returns the mean loss"
        raise InputError(f"the loss is {loss!r}", hint=hint)
    if not isinstance(module, nn.Module):
        raise InputError(f"the module is {module!r}", hint="give a torch.nn.Module")
    if isinstance(optimizer, type) or not hasattr(optimizer, "param_groups"):
        hint = "make one of the module's parameters: torch.optim.AdamW(module.parameters())"
        raise InputError(f"the optimizer is {optimizer!r}", hint=hint)


def check_totals(source: Source, steps: int | None, epochs: int | None) -> None:
    """Raises InputError where a run would have no end."""
    if steps is None and epochs is None:
        raise InputError("a run needs an end", hint="trainer.run(steps=...) or trainer.run(epochs=...)")
    for name, total in (("steps", steps), ("epochs", epochs)):
        if total is not None and (not isinstance(total, numbers.Integral) or total < 0):
            what = f"{name} must be a whole number of at least 0, not {total!r}"
            raise InputError(what, hint="give how many there are to be in all")
    if epochs is not None and getattr(source, "endless", False):
        raise InputError("this source has no epochs", hint="set per_epoch of Drawn, or train for a number of steps")


class Precision:
    """float32, or torch's autocast to a half precision; for float16 with a gradient scaler.

    Weights and updates stay float32, and the loss is scaled for float16 so that small gradients do not vanish
    (Micikevicius et al., Mixed Precision Training, arXiv:1710.03740). scaler: None except for float16.
    Raises InputError for another name.
    """

    def __init__(self, name: str, device: str) -> None:
        if name not in PRECISIONS:
            raise InputError(f"precision is one of {', '.join(PRECISIONS)}, not {name!r}")
        self.name, self.device = name, device
        self.scaler = torch.amp.GradScaler(device) if name == "float16" else None

    def autocast(self) -> AbstractContextManager[Any]:
        """The context of the forward pass."""
        if self.name == "float32":
            return nullcontext()
        return torch.autocast(self.device, dtype=_HALVES[self.name])

    def backward(self, loss: Tensor) -> None:
        """Add to the gradients, scaled for float16."""
        (self.scaler.scale(loss) if self.scaler else loss).backward()

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Divide the gradients by the scale."""
        if self.scaler:
            self.scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Apply gradients, which must be finite."""
        if self.scaler:
            self.scaler.step(optimizer)
            self.scaler.update()
        else:
            optimizer.step()

    def lower_scale(self) -> bool:
        """Lower the scale after a gradient that is not finite; False where the scale cannot be the cause."""
        if not self.scaler or self.scaler.get_scale() < 1:
            return False
        self.scaler.update()
        return True

    def discard(self) -> None:
        """Discard the gradients of this update, and leave the scale as it is."""
        if self.scaler:
            self.scaler.update(self.scaler.get_scale())


class Totals(NamedTuple):
    """Updates and passes over the data at which a run ends, whichever comes first; None for no limit."""

    steps: int | None = None
    epochs: int | None = None

    def reached(self, step: int, epoch: int) -> str:
        """The name of the total that is reached, or ``""``."""
        if self.steps is not None and step >= self.steps:
            return "steps"
        return "epochs" if self.epochs is not None and epoch >= self.epochs else ""

    def done(self, step: int, epoch: int) -> float:
        """The fraction of the run that is done, by whichever total is closer."""
        pairs = ((step, self.steps), (epoch, self.epochs))
        return max(min(1.0, count / total) if total else 0.0 for count, total in pairs)


class Update:
    """One step of the optimiser on batches from a source. The arguments are those of `Trainer`."""

    def __init__(
        self,
        module: nn.Module,
        loss: Callable[[nn.Module, Any], Tensor],
        optimizer: torch.optim.Optimizer,
        clip: float | None,
        accumulate: int,
        precision: Precision,
    ) -> None:
        self.module, self.loss, self.optimizer = module, loss, optimizer
        self.clip, self.accumulate, self.precision = clip, accumulate, precision
        self.parameters = list(module.parameters())

    def __call__(self, source: Source, number: int) -> float | None:
        """The mean loss of the batches before the update; None where float16 overflowed and nothing changed.

        Raises DivergedError where the loss or the gradient is not finite; module and carried state are then as before.
        """
        before = Snapshot(self.module, self.loss)
        self.module.zero_grad(set_to_none=True)
        loss, rate = self._gradient(source)
        self.precision.unscale(self.optimizer)
        norm = gradient_norm(self.parameters)
        value, length = loss.item(), norm.item()
        if not (math.isfinite(value) and math.isfinite(length)):
            return self._skipped(value, length, number, before)
        if self.clip is not None:
            clip_gradient(self.parameters, self.clip, norm)
        with scaled_rate(self.optimizer, rate):
            self.precision.step(self.optimizer)
        return value

    def _gradient(self, source: Source) -> tuple[Tensor, float]:
        """The mean loss of the batches, and the mean of their factors of the learning rate."""
        batches = [source.next_batch() for _ in range(self.accumulate)]
        losses = torch.stack([self._backward(batch) for batch in batches])
        return losses.mean(), sum(getattr(batch, "rate", 1.0) for batch in batches) / self.accumulate

    def _backward(self, batch: Any) -> Tensor:
        """The loss of one batch, whose gradient is added to the others'."""
        with self.precision.autocast():
            loss = self.loss(self.module, batch)
        if not isinstance(loss, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance] - users may give anything
            raise InputError(f"the loss is a {type(loss).__name__}, not a tensor", hint="return it without .item()")
        if not loss.requires_grad:
            what = "the loss depends on no weight that learns"
            raise InputError(what, hint="compute it by the module, without detach, no_grad or numpy")
        if loss.shape != ():
            raise ShapeError(f"a loss is one number, not a tensor of shape {tuple(loss.shape)}")
        self.precision.backward(loss / self.accumulate)
        return loss.detach()

    def _skipped(self, loss: float, norm: float, number: int, before: Snapshot) -> None:
        """Skip the update where float16 overflowed; raise DivergedError for anything else."""
        if math.isfinite(loss) and has_bad_gradient(self.module) and self.precision.lower_scale():
            return
        error = diverged(self.module, loss, norm, number)
        self.precision.discard()
        before.restore()
        raise error


@contextmanager
def scaled_rate(optimizer: torch.optim.Optimizer, factor: float) -> Generator[None]:
    """A block in which every learning rate is multiplied by a factor."""
    rates = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] * factor
    try:
        yield
    finally:
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
