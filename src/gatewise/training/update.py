"""One update of the weights: the gradient of some batches, bounded, looked at, applied."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ShapeError
from .precision import Precision
from .sources import Source
from .stability import Snapshot, clip_gradient, diverged, gradient_norm, has_bad_gradient


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
