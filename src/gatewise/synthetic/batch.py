"""What is asked of a family of series, and what comes of a mixture of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


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


class Choice(Protocol):
    """One of several ways to make series, taken in proportion to its weight."""

    @property
    def weight(self) -> float:
        """How often it is taken, relative to the others."""
        ...

    @property
    def make(self) -> Callable[[Frame], Floats]:
        """Draws series of shape (B, T) for a frame."""
        ...


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

    @property
    def rows(self) -> int:
        """How many series, B."""
        return len(self.season)

    @property
    def shape(self) -> tuple[int, int]:
        """(B, T)."""
        return self.rows, self.length

    @property
    def steps(self) -> Integers:
        """The numbers of the steps, from 0, shape (T,)."""
        return np.arange(self.length)

    @property
    def time(self) -> Floats:
        """Time from 0 to 1, shape (T,)."""
        return self.steps / self.length

    def part(self, rows: Any) -> Frame:
        """The frame of some rows."""
        return Frame(self.rng, self.length, self.season[rows], self.second_season[rows])

    def normal(self) -> Floats:
        """Independent standard normal numbers, shape (B, T)."""
        return self.rng.standard_normal(self.shape)

    def normal_column(self) -> Floats:
        """A standard normal number for each row, shape (B, 1)."""
        return self.rng.standard_normal((self.rows, 1))

    def column(self, low: float, high: float) -> Floats:
        """A uniform number for each row, shape (B, 1)."""
        return self.rng.uniform(low, high, (self.rows, 1))

    def log_column(self, low: float, high: float) -> Floats:
        """A number for each row whose logarithm is uniform, shape (B, 1)."""
        return np.exp(self.column(np.log(low), np.log(high)))

    def chosen(self, probability: float) -> Flags:
        """Rows taken with a probability, shape (B, 1)."""
        return self.rng.random((self.rows, 1)) < probability

    def choice(self, values: Sequence[float], weights: Sequence[float]) -> Floats:
        """One of some values for each row, shape (B, 1)."""
        return np.asarray(values, np.float64)[self.drawn(weights)][:, None]

    def which(self, choices: Sequence[Choice]) -> Integers:
        """The place of one choice for each row, in proportion to their weights, shape (B,)."""
        return self.drawn([choice.weight for choice in choices])

    def drawn(self, weights: Sequence[float]) -> Integers:
        """The place of one of some weights for each row; much quicker than `numpy.random.Generator.choice`."""
        ends = np.cumsum(weights)
        return np.searchsorted(ends / ends[-1], self.rng.random(self.rows), side="right")

    def made(self, choices: Sequence[Choice], which: Integers) -> Floats:
        """Each row made in its own way, shape (B, T)."""
        values = np.zeros(self.shape)
        for place in np.unique(which):
            rows = np.flatnonzero(which == place)
            values[rows] = choices[place].make(self.part(rows))
        return values

    def any_of(self, choices: Sequence[Choice]) -> Floats:
        """Each row made in one of several ways, shape (B, T)."""
        return self.made(choices, self.which(choices))
