"""What is asked of a family of series, and what comes of a mixture of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Series of one length; B rows, T steps, the latest last.

    Attributes:
        values: float32, shape (B, T); NaN for what is missing and, on the left, for what was before a series began.
        season: int64, shape (B,): the main season in steps, as a forecaster would be told it; 1 for none.
        second_season: int64, shape (B,): a longer season on top of it; 1 for none.
        family: shape (B,): the name of the family that each row was drawn from.
    """

    values: NDArray[np.float32]
    season: Integers
    second_season: Integers
    family: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Frame:
    """What a family is asked for: one series for each row, with that row's seasons.

    Attributes:
        rng: The only source of randomness.
        length: Steps of every series, T.
        season: Shape (B,), as in `Batch`.
        second_season: Shape (B,), as in `Batch`.
    """

    rng: np.random.Generator
    length: int
    season: Integers
    second_season: Integers
    steps: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", np.arange(self.length, dtype=np.float64))

    @property
    def rows(self) -> int:
        """How many series, B."""
        return len(self.season)

    @property
    def shape(self) -> tuple[int, int]:
        """(B, T)."""
        return self.rows, self.length

    @property
    def time(self) -> Floats:
        """Time from 0 to 1, shape (T,)."""
        return self.steps / self.length

    def normal(self) -> Floats:
        """Independent standard normal numbers, shape (B, T)."""
        return self.rng.standard_normal(self.shape)

    def column(self, low: float, high: float) -> Floats:
        """A uniform number for each row, shape (B, 1)."""
        return self.rng.uniform(low, high, (self.rows, 1))

    def log_column(self, low: float, high: float) -> Floats:
        """A number for each row whose logarithm is uniform, shape (B, 1)."""
        return np.exp(self.column(np.log(low), np.log(high)))

    def chosen(self, probability: float) -> NDArray[np.bool_]:
        """Rows taken with a probability, shape (B, 1)."""
        return self.rng.random((self.rows, 1)) < probability

    def choice(self, values: list[float], weights: list[float]) -> Floats:
        """One of some values for each row, shape (B, 1)."""
        chances = np.asarray(weights) / np.sum(weights)
        return self.rng.choice(np.asarray(values, np.float64), size=(self.rows, 1), p=chances)
