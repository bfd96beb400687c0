"""Training within a time: the learning rate falls by the clock or by the steps, whichever is further."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import torch
from torch import nn

from .averaging import Average
from .optimizer import adamw
from .schedule import Schedule, one_cycle
from .sources import Source
from .trainer import Callback, Loss, Trained, Trainer

Report = Callable[[float, str], None]
"""Told how much of a run is done, from 0 to 1, and how it goes."""


def train(
    module: nn.Module,
    loss: Loss,
    source: Source,
    schedule: Schedule,
    *,
    seed: int = 0,
    progress: Report | None = None,
    callbacks: Iterable[Callback] = (),
    precision: str = "float32",
) -> Trained:
    """Fit ``module`` in place with AdamW, and leave it in evaluation mode with averaged weights.

    At least one step is made, however short the time. seed, loss, source, callbacks, precision: as for `Trainer`.
    Raises DivergedError on a loss or gradient that is not finite.
    """
    course = _Course(schedule)
    optimizer = adamw(module, schedule.learning_rate, schedule.weight_decay)
    average = _Late(course)
    trainer = Trainer(
        module,
        loss,
        source,
        optimizer,
        schedule=torch.optim.lr_scheduler.LambdaLR(optimizer, course.rate),
        clip=schedule.clip,
        average=average,
        callbacks=[_Clock(course, progress), *callbacks],
        seed=seed,
        precision=precision,
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

    def __init__(self, course: _Course, report: Report | None) -> None:
        self.course, self.report = course, report

    def after_step(self, trainer: Trainer) -> None:
        if self.report is not None:
            self.report(self.course.done, f"step {trainer.step}, loss {trainer.smooth_loss:.4g}")
        if self.course.done >= 1:
            trainer.stop("time")
