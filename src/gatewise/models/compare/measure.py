"""What models are compared by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """A figure of each test item, of which the mean is a model's score.

    Attributes:
        name: What it is called, such as ``"accuracy"``.
        unit: What stands behind a difference of two scores, such as ``"points"``.
        sign: What stands behind a score, such as ``" %"``.
        higher: Whether more is better.
        indifference: The difference that matters to nobody, unless the user says otherwise.
    """

    name: str
    unit: str
    higher: bool
    indifference: float
    sign: str = ""
    decimals: int = 1

    def lead(self, better: Floats, other: Floats) -> Floats:
        """How far the first scores are ahead of the second, each of its own."""
        return better - other if self.higher else other - better

    def shown(self, score: float) -> str:
        """A score as text, with its sign."""
        return f"{score:.{self.decimals}f}{self.sign}"

    def difference(self, amount: float) -> str:
        """A difference as text, with its unit."""
        text = f"{amount:.{self.decimals + 1}f}".rstrip("0").rstrip(".")
        return f"{text} {self.unit.removesuffix('s') if text == '1' else self.unit}"
