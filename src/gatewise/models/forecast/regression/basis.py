"""Columns of a regression that are made of covariates: pieces of lines, words, means and neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....tables.covariates import Covariate, Covariates
from ....tables.panel import Floats

KNOTS = 5
"""Places at which the slope of a covariate's influence may change."""
MOST_WORDS, FEWEST = 30, 3
"""Categories that are told apart, and how often each must have been."""


@dataclass(frozen=True)
class Block:
    """The columns of one covariate, and how they were laid out by its past.

    index: which column of the covariates it is. lag: steps by which values are known late, 0 for known ahead. means:
    over how many steps values are averaged, each of which is bent at its ``knots``. shifts: steps by which neighbours
    lie away. words: codes that are told apart; none for numbers.
    """

    name: str
    index: int
    lag: int
    means: tuple[int, ...]
    knots: tuple[tuple[float, ...], ...]
    shifts: tuple[int, ...]
    words: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """K, how many columns there are."""
        if self.words:
            return len(self.words) * (1 + len(self.shifts))
        return sum(1 + len(knots) for knots in self.knots) + len(self.shifts)

    @property
    def reach(self) -> int:
        """Steps before a row that it looks at."""
        return self.lag + max((*self.means, *self.shifts, 0))

    def columns(self, values: Floats) -> Floats:
        """The columns (T, K) for the steps of values (T, C)."""
        own = shifted(values[:, self.index], self.lag)
        if self.words:
            flags = (own[:, None] == np.array(self.words)).astype(np.float64)
            return np.hstack([flags, *(shifted(flags, shift) for shift in self.shifts)])
        parts = [bent(mean_of(own, steps), knots) for steps, knots in zip(self.means, self.knots, strict=True)]
        return np.hstack([*parts, *(shifted(own, shift)[:, None] for shift in self.shifts)])


def blocks(covariates: Covariates | None, past: Floats, season: int, horizon: int) -> list[Block]:
    """A block for each covariate that changes in the past of T steps, of one series or of all. past: (T, C)."""
    found = enumerate(covariates.columns) if covariates else ()
    made = [_block(column, index, past[:, index], season, horizon) for index, column in found]
    return [block for block in made if block is not None]


def _block(column: Covariate, index: int, past: Floats, season: int, horizon: int) -> Block | None:
    """None for what never changes."""
    lag = horizon if column.role == "past" else 0
    moves = column.role != "static"
    shifts = _neighbours(season) if moves else ()
    if not np.ptp(past) > 0:
        return None
    if column.words:
        codes, counts = np.unique(past, return_counts=True)
        often = codes[np.argsort(-counts, kind="stable")][:MOST_WORDS]
        words = tuple(int(code) for code in often if (past == code).sum() >= FEWEST)
        return Block(column.name, index, lag, (), (), shifts, words) if len(words) > 1 else None
    if len(np.unique(past)) <= 3:
        return Block(column.name, index, lag, (1,), ((),), shifts)
    means = _means(season) if moves else (1,)
    knots = tuple(_knots(mean_of(past, steps)) for steps in means)
    return Block(column.name, index, lag, means, knots, ())


def _means(season: int) -> tuple[int, ...]:
    """A step, an eighth of a season and a season."""
    return tuple(dict.fromkeys((1, max(1, season // 8), season))) if season > 1 else (1, 3)


def _neighbours(season: int) -> tuple[int, ...]:
    """The step before, and what lies a season before and after."""
    return (1, season, -season) if season > 1 else (1, -1)


def _knots(values: Floats) -> tuple[float, ...]:
    """Quantiles of the values."""
    return tuple(np.unique(np.quantile(values, np.linspace(0, 1, KNOTS + 2)[1:-1])).tolist())


def bent(values: Floats, knots: Sequence[float]) -> Floats:
    """The values and what of them lies above each knot, (T, 1 + K)."""
    return np.column_stack([values, *(np.maximum(values - knot, 0) for knot in knots)])


def mean_of(values: Floats, steps: int) -> Floats:
    """The mean over the latest steps, fewer at the beginning, (T,)."""
    if steps == 1:
        return values
    sums = np.concatenate(([0.0], np.cumsum(values)))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - steps, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def shifted(values: Floats, steps: int) -> Floats:
    """The values so many steps later, along the first axis; at the ends the outermost go on."""
    if not steps:
        return values
    places = np.clip(np.arange(len(values)) - steps, 0, len(values) - 1)
    return values[places]
