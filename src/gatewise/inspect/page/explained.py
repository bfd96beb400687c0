"""An output and what it is made of, as sums that are drawn only where they add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...errors import ExplanationError
from ..certificate import Certificate
from .chart import Floats, floats

# Relative to the largest part: the page holds float32 numbers, and adds up some thousands of them.
DRAWN = 1e-5


@dataclass(frozen=True)
class Split:
    """One number as a sum over steps and further lines.

    by_step: what each step gave, (T, N), a column for each input, or (T, 1). lines: what no step gave, such as the
    bias and the initial state. certificate: what the parts add up to.
    """

    by_step: Floats
    lines: Mapping[str, float]
    certificate: Certificate

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_step", floats(self.by_step, (None, None), self.certificate.what))

    def require(self) -> None:
        """Raises ExplanationError where the parts do not add up, by the certificate or as they would be drawn."""
        self.certificate.require()
        parts = np.append(self.by_step.astype(float).ravel(), list(self.lines.values()))
        size = max(np.abs(parts).max(initial=0.0), abs(self.certificate.value), np.finfo(float).tiny)
        gap = abs(parts.sum() - self.certificate.value) / size
        drawn = f"{self.certificate.what}, as drawn"
        Certificate(drawn, float(parts.sum()), self.certificate.value, float(gap), DRAWN).require()


@dataclass(frozen=True)
class Output:
    """One output of the model. label: which one, such as its time. at: its position among the chart's times, if any.

    credit: the output as a sum over the inputs of every step, (T, I). memory: as a sum over the steps that wrote into
    the memory behind it, (T, 1). certificates: further sums that were checked.
    Raises ExplanationError where a sum does not check; `explained` makes a `Refusal` of it.
    """

    label: str
    value: float
    unit: str = ""
    at: int | None = None
    memory: Split | None = None
    credit: Split | None = None
    certificates: tuple[Certificate, ...] = ()

    def __post_init__(self) -> None:
        for split in self.splits:
            split.require()
        for certificate in self.certificates:
            certificate.require()

    @property
    def splits(self) -> tuple[Split, ...]:
        """The sums that are drawn."""
        return tuple(split for split in (self.memory, self.credit) if split)

    @property
    def checked(self) -> tuple[Certificate, ...]:
        """The certificates of the sums that are drawn, then the further ones."""
        return (*(split.certificate for split in self.splits), *self.certificates)


@dataclass(frozen=True)
class Refusal:
    """An output that is named but not explained. sentence: which sum did not check."""

    label: str
    value: float
    unit: str
    at: int | None
    sentence: str


def explained(
    label: str,
    value: float,
    unit: str = "",
    at: int | None = None,
    memory: Split | None = None,
    credit: Split | None = None,
    certificates: tuple[Certificate, ...] = (),
) -> Output | Refusal:
    """The `Output` of these parts, or its `Refusal` where a sum does not check."""
    try:
        return Output(label, value, unit, at, memory, credit, certificates)
    except ExplanationError as error:
        return Refusal(label, value, unit, at, f"Not shown: {error.what}.")
