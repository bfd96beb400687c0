"""One optimizer step: precision, accumulation, clipping, and its totals."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..errors import InputError, ShapeError
from .sources import Source
from .stability import Snapshot, clip_gradient, diverged, gradient_norm, has_bad_gradient

_HALVES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Precision:
    """float32 as it is, or torch's autocast in a half precision; float16 with its gradient scaler.

    Micikevicius et al., Mixed Precision Training, arXiv:1710.03740: weights and updates stay float32, and float16's
    loss is scaled so that small gradients do not vanish. scaler: None except for float16.
    Raises InputError for another name.
    """

    def __init__(self, name: str, device: str) -> None:
        if name not in ("float32", *_HALVES):
            raise InputError(f"precision is one of float32, {', '.join(_HALVES)}, not {name!r}")
        self.name, self.device = name, device
        self.scaler = torch.amp.GradScaler(device) if name == "float16" else None

    def autocast(self) -> AbstractContextManager[Any]:
        """The context of the forward pass."""
        if self.name == "float32":
            return nullcontext()
        return torch.autocast(self.device, dtype=_HALVES[self.name])

    def backward(self, loss: Tensor) -> None:
        """Add to the gradients, scaled as they must be."""
        (self.scaler.scale(loss) if self.scaler else loss).backward()

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Give the gradients their true size."""
        if self.scaler:
            self.scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Apply gradients that are finite."""
        if self.scaler:
            self.scaler.step(optimizer)
            self.scaler.update()
        else:
            optimizer.step()

    def forgives(self) -> bool:
        """Whether a gradient that is not finite may come from the scale alone, which is then lowered for the next."""
        if not self.scaler or self.scaler.get_scale() < 1:
            return False
        self.scaler.update()
        return True

    def give_up(self) -> None:
        """Forget the gradients of this update, and leave the scale as it is."""
        if self.scaler:
            self.scaler.update(self.scaler.get_scale())


class Totals(NamedTuple):
    """Updates and passes over the data at which a run ends, whichever comes first; None where they do not count."""

    steps: int | None = None
    epochs: int | None = None

    def reached(self, step: int, epoch: int) -> str:
        """Which of them is reached, or nothing."""
        if self.steps is not None and step >= self.steps:
            return "steps"
        return "epochs" if self.epochs is not None and epoch >= self.epochs else ""

    def done(self, step: int, epoch: int) -> float:
        """The fraction that is behind us, by the one that is further."""
        pairs = ((step, self.steps), (epoch, self.epochs))
        return max(min(1.0, count / total) if total else 0.0 for count, total in pairs)


class Update:
    """Takes batches from a source, and the optimiser one step further. The arguments are those of `Trainer`."""

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
        """The mean loss of the batches before the update; None where float16 overflowed and nothing was changed.

        Raises DivergedError, with module and carried state as before, where the loss or the gradient is not finite.
        """
        before = Snapshot(self.module, self.loss)
        self.module.zero_grad(set_to_none=True)
        loss, rate = self._gradient(source)
        self.precision.unscale(self.optimizer)
        norm = gradient_norm(self.parameters)
        value, length = loss.item(), norm.item()
        if not (math.isfinite(value) and math.isfinite(length)):
            return self._leave_out(value, length, number, before)
        if self.clip is not None:
            clip_gradient(self.parameters, self.clip, norm)
        with scaled_rate(self.optimizer, rate):
            self.precision.step(self.optimizer)
        return value

    def _gradient(self, source: Source) -> tuple[Tensor, float]:
        """The batches' mean loss, and the mean of what they multiply the learning rate by."""
        batches = [source.next_batch() for _ in range(self.accumulate)]
        losses = torch.stack([self._backward(batch) for batch in batches])
        return losses.mean(), sum(getattr(batch, "rate", 1.0) for batch in batches) / self.accumulate

    def _backward(self, batch: Any) -> Tensor:
        """The loss of one batch, whose part of the gradient is added to what is there."""
        with self.precision.autocast():
            loss = self.loss(self.module, batch)
        if loss.shape != ():
            raise ShapeError(f"a loss is one number, not a tensor of shape {tuple(loss.shape)}")
        self.precision.backward(loss / self.accumulate)
        return loss.detach()

    def _leave_out(self, loss: float, norm: float, number: int, before: Snapshot) -> None:
        """Pass over an overflow of float16; raise DivergedError for anything else."""
        if math.isfinite(loss) and has_bad_gradient(self.module) and self.precision.forgives():
            return
        error = diverged(self.module, loss, norm, number)
        self.precision.give_up()
        before.restore()
        raise error


@contextmanager
def scaled_rate(optimizer: torch.optim.Optimizer, factor: float) -> Generator[None]:
    """Inside the block every learning rate is multiplied by a factor."""
    rates = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] * factor
    try:
        yield
    finally:
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
