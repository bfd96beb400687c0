"""What is to be said of each sequence: one of several labels, or a number."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ...tables.sequences import Whole
from ..sequence.scaling import Standard
from ..sequence.targets import encoded, numbers
from .measure import Floats, Measure


class Answers(Protocol):
    """The answers for all sequences, those of the test included.

    Attributes:
        name: The word of ``--task``.
        measure: What models are compared by.
        outputs: How many numbers a network gives.
        strata: Groups of which each has its share in every part of the split, (N,).
        wanted: What a network is to give, (N, ...).
    """

    name: str
    measure: Measure
    outputs: int
    strata: Whole
    wanted: Tensor

    def loss(self, outputs: Tensor, wanted: Tensor) -> Tensor:
        """What training makes small."""
        ...

    def said(self, outputs: Tensor) -> Tensor:
        """What a network's outputs (B, K) say, as ``wanted`` has it."""
        ...

    def usual(self, wanted: Tensor) -> Tensor:
        """The one answer that is best for all of these."""
        ...

    def scores(self, said: Tensor, wanted: Tensor) -> Floats:
        """The figure of each item."""
        ...


class Labels:
    """One label for each sequence, (N,); see `Answers`."""

    name = "classify"
    measure = Measure("accuracy", "points", higher=True, indifference=1.0, sign=" %")

    def __init__(self, y: Any) -> None:
        self.classes, codes = encoded(y)
        self.outputs, self.strata, self.wanted = len(self.classes), codes, torch.from_numpy(codes)

    def loss(self, outputs: Tensor, wanted: Tensor) -> Tensor:
        """The cross-entropy."""
        return nn.functional.cross_entropy(outputs, wanted)

    def said(self, outputs: Tensor) -> Tensor:
        """The most probable."""
        return outputs.argmax(1)

    def usual(self, wanted: Tensor) -> Tensor:
        """The most frequent."""
        return torch.bincount(wanted, minlength=self.outputs).argmax()

    def scores(self, said: Tensor, wanted: Tensor) -> Floats:
        """100 where the label is right, else 0."""
        return 100.0 * (said == wanted).double().numpy()


class Numbers:
    """One number for each sequence, (N,); see `Answers`. learned: rows from which its scale is taken."""

    name = "regress"
    measure = Measure("error", "standard deviations", higher=False, indifference=0.02, decimals=3)

    def __init__(self, y: Any, learned: Whole) -> None:
        values = numbers(y)
        scale = Standard.of(values[learned])
        self.outputs, self.strata = values.shape[1], np.zeros(len(values), np.int64)
        self.wanted = torch.from_numpy(scale.applied(values)).float()

    def loss(self, outputs: Tensor, wanted: Tensor) -> Tensor:
        """The mean squared error."""
        return nn.functional.mse_loss(outputs, wanted)

    def said(self, outputs: Tensor) -> Tensor:
        """The outputs themselves."""
        return outputs

    def usual(self, wanted: Tensor) -> Tensor:
        """The median of each, which has the least absolute error."""
        return wanted.quantile(0.5, dim=0)

    def scores(self, said: Tensor, wanted: Tensor) -> Floats:
        """The absolute error in standard deviations of what was learned from, the mean over several numbers."""
        return (said - wanted).abs().double().mean(1).numpy()
