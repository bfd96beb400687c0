"""Training of the forecasting network: its loss, and the loop."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ....training.averaging import Average
from ....training.schedule import Schedule, one_cycle
from ....training.sources import Drawn
from ....training.trainer import Callback, Trained, Trainer
from .scaling import TINY, WindowScale
from .windows import Windows


def pinball(error: Tensor, levels: Tensor) -> Tensor:
    """The loss whose minimum is at the quantiles ``levels`` (Q,), for errors (..., Q): its mean over them, (...)."""
    return torch.maximum(levels * error, (levels - 1) * error).mean(-1)


def error_weights(windows: Windows, scale: WindowScale, typical_step: float) -> Tensor:
    """What an error of one spread costs, (B, 1): its size in the series' own seasonal steps, as in MASE.

    Of a series read as its logarithm half the cost is the relative size of the error, as in sMAPE, made
    comparable by ``typical_step``, the panel's mean seasonal step. As weights depend on the
    window's past and on the series that were trained on, and not on what follows, they leave the best quantiles where
    they are.
    """
    scaled = scale.spread / (windows.seasonal_step + 0.05 * scale.spread).clamp(min=TINY)
    relative = scale.spread / max(typical_step, TINY)
    return torch.where(windows.logs, (scaled + relative) / 2, scaled)


Report = Callable[[float, str], None]


def train(
    module: nn.Module,
    loss: Callable[[], Tensor],
    schedule: Schedule,
    *,
    seed: int = 0,
    progress: Report | None = None,
) -> Trained:
    """Fit ``module`` in place and leave it in evaluation mode with averaged weights.

    loss: draws a fresh batch and returns its scalar loss. seed: governs dropout and whatever else ``loss`` draws
    from torch's global generator, which is left as it was found. At least one step is made, however short the
    time. Raises DivergedError on a loss or gradient that is not finite.
    """
    course = _Course(schedule)
    optimizer = torch.optim.AdamW(module.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay)
    average = _Late(course)
    trainer = Trainer(
        module,
        lambda module, batch: loss(),
        Drawn(lambda generator: None),
        optimizer,
        schedule=torch.optim.lr_scheduler.LambdaLR(optimizer, course.rate),
        clip=schedule.clip,
        average=average,
        callbacks=[_Clock(course, progress or (lambda done, words: None))],
        seed=seed,
    )
    ended = trainer.run(steps=schedule.steps)
    average.install()
    return ended


class _Course:
    """How far the run is."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.begun = time.monotonic()
        self.done = 0.0

    def rate(self, step: int) -> float:
        """The learning rate after so many steps, as a fraction of its peak."""
        if step:
            self.done = self.schedule.done(step, time.monotonic() - self.begun)
        return one_cycle(self.done, self.schedule.warmup)


class _Late(Average):
    """The mean of the weights in the later part of the run."""

    def __init__(self, course: _Course) -> None:
        super().__init__()
        self.course = course

    def wants(self, step: int) -> bool:
        return self.course.done > self.course.schedule.average_from


class _Clock(Callback):
    """Ends the run in time, and tells how far it is."""

    def __init__(self, course: _Course, report: Report) -> None:
        self.course, self.report = course, report

    def after_step(self, trainer: Trainer) -> None:
        self.report(self.course.done, f"step {trainer.step}, loss {trainer.smooth_loss:.4g}")
        if self.course.done >= 1:
            trainer.stop("time")
