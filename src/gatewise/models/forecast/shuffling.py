"""What a covariate was at other times: forecasts made with it tell what the covariate is worth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...tables.panel import Floats

DRAWS = 5
"""Times that a covariate is replaced by what it was at another time."""


@dataclass(frozen=True)
class OtherTimes:
    """Values of a covariate, replaced by what it was a whole number of seasons before.

    horizon: how many of them. step: observations in the longest season, or any other number of which whole ones lie
    between what is replaced and what replaces it.
    """

    horizon: int
    step: int
    seed: int

    def of(self, known: Floats, column: int, start: int) -> Iterator[Floats]:
        """What is known of a series (T, C), `DRAWS` times with other values in a column, for a horizon from ``start``.

        Nothing where there are no earlier values.
        """
        for back in self._backs(start):
            moved = known.copy()
            moved[start : start + self.horizon, column] = known[start - back :][: self.horizon, column]
            yield moved

    def _backs(self, start: int) -> list[int]:
        """How many steps before other values are taken."""
        least, most = -(-self.horizon // self.step), (start - self.horizon) // self.step
        rng = np.random.default_rng(self.seed)
        return (self.step * rng.integers(least, most + 1, DRAWS)).tolist() if most >= least else []
