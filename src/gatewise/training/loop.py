"""One plain training loop: AdamW, one-cycle learning rate, clipping, averaged weights."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import GatewiseError
from .schedule import Schedule, one_cycle

Progress = Callable[[float, str], None]


class DivergedError(GatewiseError, ArithmeticError):
    """The loss or its gradient stopped being a finite number."""


@dataclass(frozen=True)
class Trained:
    """How a run ended: updates made, an exponentially smoothed loss, seconds of wall time."""

    steps: int
    loss: float
    seconds: float


class WeightAverage:
    """The running mean of a module's parameters (Polyak & Juditsky 1992; Izmailov et al., arXiv:1803.05407)."""

    def __init__(self, module: nn.Module) -> None:
        self.parameters = list(module.parameters())
        self.means = [parameter.detach().clone() for parameter in self.parameters]
        self.count = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take the present weights into the mean."""
        self.count += 1
        for mean, parameter in zip(self.means, self.parameters, strict=True):
            mean.lerp_(parameter, 1 / self.count)

    @torch.no_grad()
    def install(self) -> None:
        """Give the module the mean weights, where any were taken."""
        if self.count:
            for parameter, mean in zip(self.parameters, self.means, strict=True):
                parameter.copy_(mean)


def train(
    module: nn.Module,
    loss: Callable[[], Tensor],
    schedule: Schedule,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Trained:
    """Fit ``module`` in place and leave it in evaluation mode with averaged weights.

    loss: draws a fresh batch and returns its scalar loss. seed: governs dropout and whatever else ``loss`` draws
    from torch's global generator, which is left as it was found. At least one step is made, however short the
    time. Raises DivergedError on a loss or gradient that is not finite.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module.train()
        try:
            return _run(module, loss, schedule, progress or (lambda done, words: None))
        finally:
            module.eval()


def _run(module: nn.Module, loss: Callable[[], Tensor], schedule: Schedule, progress: Progress) -> Trained:
    begun = time.monotonic()
    optimizer = torch.optim.AdamW(module.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay)
    average = WeightAverage(module)
    step, done, smooth = 0, 0.0, float("nan")
    while done < 1.0:
        for group in optimizer.param_groups:
            group["lr"] = schedule.learning_rate * one_cycle(done, schedule.warmup)
        value = _update(module, loss, optimizer, schedule.clip, step)
        smooth = value if step == 0 else smooth + 0.05 * (value - smooth)
        step += 1
        done = schedule.done(step, time.monotonic() - begun)
        if done > schedule.average_from:
            average.update()
        progress(done, f"step {step}, loss {smooth:.4g}")
    average.install()
    return Trained(step, smooth, time.monotonic() - begun)


def _update(
    module: nn.Module, loss: Callable[[], Tensor], optimizer: torch.optim.Optimizer, clip: float, step: int
) -> float:
    """One step of gradient descent; the loss before it."""
    optimizer.zero_grad(set_to_none=True)
    value = loss()
    value.backward()
    norm = nn.utils.clip_grad_norm_(module.parameters(), clip)
    if not (torch.isfinite(value) and torch.isfinite(norm)):
        raise DivergedError(
            f"training stopped: the loss is {value.item():g} and its gradient's norm {norm.item():g}",
            where=f"step {step + 1}",
            hint="look for extreme values in the data, or lower the learning rate",
        )
    optimizer.step()
    return value.item()
