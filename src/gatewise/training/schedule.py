"""How long to train and how the learning rate moves meanwhile."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR


@dataclass(frozen=True)
class Schedule:
    """The course of one training run.

    steps: updates of the weights. learning_rate: the peak of the one-cycle curve. warmup: fraction of the run
    in which it rises. average_from: fraction of the run after which weights are averaged.
    clip: bound on the global norm of the gradient. seconds: wall-clock limit, or None.
    """

    steps: int
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warmup: float = 0.3
    average_from: float = 0.5
    clip: float = 1.0
    seconds: float | None = None

    def done(self, step: int, elapsed: float) -> float:
        """The fraction of the run behind us, by steps or by the clock, whichever is further.

        Annealing by this fraction, a run that the clock cuts short still ends with a low learning rate.
        """
        by_clock = elapsed / self.seconds if self.seconds else 0.0
        return min(1.0, max(step / self.steps, by_clock))


def one_cycle(done: float, warmup: float) -> float:
    """The learning rate as a fraction of its peak: a cosine up from 1/25, then a cosine down to nearly nothing.

    Smith & Topin, "Super-Convergence", arXiv:1708.07120, in the two-phase form of
    `torch.optim.lr_scheduler.OneCycleLR`.
    """
    if done < warmup:
        low, high, part = 1 / 25, 1.0, done / warmup
    else:
        low, high, part = 1.0, 1e-4, (done - warmup) / (1 - warmup)
    return high + (low - high) * (1 + math.cos(math.pi * part)) / 2


def one_cycle_by_steps(optimizer: Optimizer, steps: int, warmup: float) -> OneCycleLR:
    """The curve for a run that only its steps end, from the optimiser's own learning rate down to 4e-6 of it.

    steps: updates of the whole run; one that is too short for a cycle sees the beginning of the shortest cycle.
    warmup: fraction of the run in which the learning rate rises.
    """
    shortest = int(2 / warmup)
    return OneCycleLR(
        optimizer,
        optimizer.defaults["lr"],
        total_steps=max(steps + 1, shortest),
        pct_start=warmup,
        cycle_momentum=False,
    )
