"""One training, and its curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from gatewise.training import EarlyStopping, Shuffled, Trainer, Validation

from .composer import Composer, batch, loss
from .cures import Cure
from .plan import Plan

Data = Mapping[str, list[Tensor]]


@dataclass(frozen=True)
class Course:
    """train, valid: loss after each epoch, without noise. left: of the weights that the run leaves, on each part."""

    train: list[float]
    valid: list[float]
    left: Mapping[str, float]

    @property
    def best(self) -> int:
        """The epoch of the lowest validation loss, from 1."""
        return 1 + self.valid.index(min(self.valid))


@dataclass(frozen=True)
class Outcome:
    """A cure's courses, one for each seed."""

    cure: Cure
    courses: list[Course]

    def left(self, part: str) -> float:
        """The mean loss of what the runs leave."""
        return fmean(course.left[part] for course in self.courses)

    def best(self) -> float:
        """The mean of the lowest validation losses."""
        return fmean(min(course.valid) for course in self.courses)

    def spread(self, part: str) -> tuple[float, float]:
        """The lowest and the highest loss of what the runs leave."""
        found = [course.left[part] for course in self.courses]
        return min(found), max(found)


def course(cure: Cure, data: Data, plan: Plan, seed: int) -> Course:
    """Train once."""
    torch.manual_seed(seed)
    composer = Composer(plan.units, **cure.options)
    parts = {name: batch(chorales) for name, chorales in data.items()}
    train: list[float] = []

    def measured(part: str) -> float:
        return loss(composer, parts[part]).item()

    def evaluate() -> float:
        train.append(measured("train"))
        return measured("valid")

    watch = EarlyStopping(evaluate, patience=cure.patience) if cure.patience else Validation(evaluate)
    average = cure.average() if cure.average else None
    source = Shuffled(data["train"], plan.rows, collate=batch, seed=seed)
    adam = torch.optim.Adam(composer.parameters(), lr=plan.rate)
    Trainer(composer, loss, source, adam, average=average, callbacks=[watch], seed=seed).run(epochs=plan.epochs)
    if average and not cure.patience:  # early stopping leaves the best average already
        average.install()
    valid = watch.validation.losses if isinstance(watch, EarlyStopping) else watch.losses
    with torch.no_grad():
        return Course(train, valid, {part: measured(part) for part in parts})
