"""Exponential smoothing of many series at once, by several filters, in one pass through time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from ....tables.panel import Floats
from .sums import Whole, gather, may_be, over_time

# smoothing of level, of trend, damping: of simple (rows with no trend), Holt's and damped exponential smoothing
FILTERS = np.array(
    [
        [0.1, 0.0, 1.0],
        [0.3, 0.0, 1.0],
        [0.7, 0.0, 1.0],
        [0.4, 0.04, 1.0],
        [0.6, 0.15, 0.9],
        [0.15, 0.01, 0.98],
    ]
)


@dataclass(frozen=True)
class Smoothed:
    """What filters make of values (B, T).

    levels, trends: after each value, each (filters, B, T). seen: how many values were there by each time, (B, T).
    """

    levels: Floats
    trends: Floats
    seen: Whole

    def level(self, number: int, origin: Whole) -> Floats:
        """What one of the filters made of the values before an origin (B, P), (B, P, 1); NaN where there was none."""
        found = gather(self.levels[number], origin - 1)
        return np.where(gather(self.seen, origin - 1) > 0, found, np.nan)[..., None]

    def trend(self, number: int, origin: Whole) -> Floats:
        """How much that rises from one time to the next, (B, P, 1)."""
        return gather(self.trends[number], origin - 1)[..., None]


def smooth(*given: tuple[Floats, Floats]) -> list[Smoothed]:
    """Exponential smoothing; a missing value adds nothing.

    Source: Gardner & McKenzie 1985, damped trend, in error-correction form. The level begins at the first value, so
    that this has no error, and errors of missing values are multiplied by nought: the recursion decides nothing.

    Args:
        given: Values (B, T) and the filters (filters, 3) to apply to them; all go through time together.
    """
    values = np.stack([one for one, _ in given])
    which = np.repeat(np.arange(len(given)), [len(filters) for _, filters in given])
    quick, turn, damping = np.concatenate([filters for _, filters in given]).T[:, :, None]
    present = ~np.isnan(values)
    gaps = may_be(~present)
    first = np.take_along_axis(values, np.argmax(present, axis=2)[:, :, None], axis=2)[:, :, 0]
    rows = np.concatenate([np.where(present, values, 0.0), present]) if gaps else values

    def advance(level: Floats, trend: Floats, row: Floats) -> tuple[Floats, Floats]:
        drift = damping * trend
        ahead = level + drift
        error = row[which] - ahead
        if gaps:
            error = error * row[which + len(given)]
        return ahead + quick * error, drift + turn * error

    start = np.where(np.isnan(first), 0.0, first)[which]
    levels, trends = over_time(advance, (start, np.zeros(start.shape)), rows)
    parts = pairwise(accumulate((len(filters) for _, filters in given), initial=0))
    seen = np.cumsum(present, axis=2)
    return [Smoothed(levels[begin:end], trends[begin:end], seen[at]) for at, (begin, end) in enumerate(parts)]
