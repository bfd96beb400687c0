"""Observations of several series as flat arrays: sorted, made unique, trimmed and filled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, argument
from ..words import count
from .grid import Grid
from .options import Duplicates, Fill
from .panel import Floats
from .times import Times

MOST_FILLED = 100  # filled values for each observed one; beyond that the frequency was inferred wrongly


@dataclass(frozen=True)
class Observations:
    """N observations, sorted by series and then by time.

    codes: the series of each, shape (N,), rising. times: shape (N,). values: shape (N,), NaN where missing.
    rows: the table row each came from, -1 where the value was filled in, shape (N,).
    """

    codes: Times
    times: Times
    values: Floats
    rows: Times

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def joined(self) -> NDArray[np.bool_]:
        """Whether an observation and the next belong to one series, shape (N - 1,)."""
        return self.codes[1:] == self.codes[:-1]

    @property
    def starts(self) -> Times:
        """Where each series with observations begins."""
        return np.flatnonzero(np.concatenate([[True], ~self.joined])) if len(self) else np.zeros(0, np.int64)

    @property
    def lengths(self) -> Times:
        """How many observations each series has, without those that have none."""
        return np.diff(np.append(self.starts, len(self)))

    @property
    def origins(self) -> Times:
        """The first time of its series for every observation, shape (N,)."""
        return np.repeat(self.times[self.starts], self.lengths)

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Whether the value is missing, shape (N,)."""
        return np.isnan(self.values)

    def take(self, chosen: NDArray[np.bool_] | Times) -> Observations:
        """These observations only."""
        return Observations(self.codes[chosen], self.times[chosen], self.values[chosen], self.rows[chosen])


def in_order(observed: Observations) -> tuple[Observations, int | None]:
    """The observations sorted, rows of one time in their old order.

    And the index of the first that was out of order, None where all were in order.
    """
    if (np.diff(observed.codes) < 0).any():
        observed = observed.take(np.argsort(observed.codes, kind="stable"))
    backwards = observed.joined & (observed.times[1:] < observed.times[:-1])
    if not backwards.any():
        return observed, None
    first = observed.rows[1:][backwards].min()
    observed = observed.take(np.lexsort((observed.times, observed.codes)))
    return observed, int(np.argmax(observed.rows == first))


def repeats(observed: Observations) -> NDArray[np.bool_]:
    """Whether the next observation has the same series and time, shape (N - 1,)."""
    return observed.joined & (observed.times[1:] == observed.times[:-1])


def merged(observed: Observations, how: Duplicates) -> Observations:
    """One observation for each series and time: the mean of those not missing, or the last of the file."""
    repeated = repeats(observed)
    if how == "last":
        return observed.take(np.append(~repeated, True))
    firsts = np.flatnonzero(np.concatenate([[True], ~repeated]))
    known = np.add.reduceat((~observed.missing).astype(np.float64), firsts)
    sums = np.add.reduceat(np.where(observed.missing, 0.0, observed.values), firsts)
    means = np.divide(sums, known, out=np.full(len(firsts), np.nan), where=known > 0)
    first = observed.take(firsts)
    return Observations(first.codes, first.times, means, first.rows)


def trimmed(observed: Observations, *, leading: bool, trailing: bool) -> Observations:
    """Without the missing values before the first and after the last one known in each series."""
    places, known = np.arange(len(observed)), np.flatnonzero(~observed.missing)
    codes = observed.codes[known]
    first = np.searchsorted(codes, observed.codes)  # into known: the first of the same series, if it has any
    last = np.searchsorted(codes, observed.codes, side="right")
    within = first < last
    if leading:
        within[within] &= places[within] >= known[first[within]]
    if trailing:
        within[within] &= places[within] <= known[last[within] - 1]
    return observed.take(within)


def filled(observed: Observations, ticks: Times, grid: Grid, how: Fill, where: str) -> Observations:
    """Every point of the grid between the first and the last of each series, with no value missing.

    ticks: the grid's numbers of the observations, shape (N,), rising within each series. The first value of each
    series must be known, and for ``"linear"`` the last. Raises InputError where the gaps dwarf the data.
    """
    lengths = ticks[np.append(observed.starts[1:], len(observed)) - 1] + 1
    total = float(lengths.astype(np.float64).sum())
    if total > MOST_FILLED * (len(observed) + 1):
        raise InputError(
            f"filling the gaps would make {total:,.0f} values out of {count(len(observed), 'observation')}",
            where=where,
            hint=f"give the true step as {argument('frequency')}, or leave out the times that lie far off",
        )
    starts = np.cumsum(lengths) - lengths
    places = np.repeat(starts, observed.lengths) + ticks
    values, rows = np.full(int(total), np.nan), np.full(int(total), -1, np.int64)
    values[places], rows[places] = observed.values, np.where(observed.missing, -1, observed.rows)
    numbers = np.arange(len(values)) - np.repeat(starts, lengths)
    times = grid.times(numbers, np.repeat(observed.times[observed.starts], lengths))
    codes = np.repeat(observed.codes[observed.starts], lengths)
    return Observations(codes, times, _completed(values, how), rows)


def _completed(values: Floats, how: Fill) -> Floats:
    """No interpolation crosses from one series into the next, because every series starts with a known value."""
    unknown = np.isnan(values)
    known = np.flatnonzero(~unknown)
    if how == "zero":
        return np.where(unknown, 0.0, values)
    if how == "previous":
        return values[np.maximum.accumulate(np.where(unknown, 0, np.arange(len(values))))]
    completed = values.copy()
    completed[unknown] = np.interp(np.flatnonzero(unknown), known, values[known])
    return completed
