"""From a series and its covariates to the rows of a regression."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....tables.covariates import Covariates, longer
from ....tables.panel import Floats, Panel
from .basis import Block, blocks
from .calendar import Calendar

CROSSED = 4
"""Pairs of waves of the season with which the other columns are multiplied: what a covariate does changes with the
time of day."""
AT_ONCE = 4096
"""Rows that are made at a time."""
_TINY = 1e-9

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class History:
    """One series up to its end, and what is known of the horizon after it.

    values: T, on the scale of the regression, NaN where nothing was observed. times: T + horizon. known: covariates
    (T + horizon, C).
    """

    values: Floats
    times: NDArray[np.generic]
    known: Floats

    @property
    def length(self) -> int:
        """T."""
        return len(self.values)

    @classmethod
    def of(cls, panel: Panel, row: int, values: Floats, horizon: int) -> History:
        """That of a series of the panel. values: its own, on the scale."""
        times = panel.times[row]
        future = panel.frequency.future(times[-1], horizon)
        end = len(times) + horizon
        known = panel.covariates.values[row] if panel.covariates else np.empty((end, 0))
        return cls(values, np.concatenate((times, future)), longer(known, end)[:end])


@dataclass(frozen=True)
class Layout:
    """Which columns there are, each brought to mean 0 and deviation 1 by what the first history holds.

    crossed: whether all are multiplied with the waves of the season. centre, spread: (P,); an infinite spread for a
    column that does not change.
    """

    calendar: Calendar
    blocks: tuple[Block, ...]
    crossed: bool
    centre: Floats
    spread: Floats

    @classmethod
    def of(cls, history: History, covariates: Covariates | None, seasons: tuple[int, int], *, crossed: bool) -> Layout:
        """That of a history, for covariates like these."""
        season, second = seasons
        horizon = len(history.times) - history.length
        calendar = Calendar.of(history.times[: history.length], season, second)
        found = tuple(blocks(covariates, history.known[: history.length], season, horizon))
        plain = cls(calendar, found, crossed, np.zeros(1), np.ones(1))
        count, total, squares = 0, np.zeros(1), np.zeros(1)
        for _, rows in plain.parts(history, 0, history.length):
            wide = rows.astype(np.float64)
            count, total, squares = count + len(wide), total + wide.sum(axis=0), squares + (wide**2).sum(axis=0)
        centre = total / count
        spread = np.sqrt(np.maximum(squares / count - centre**2, 0))
        still = spread <= _TINY * np.maximum(np.abs(centre), 1)
        return cls(calendar, found, crossed, centre, np.where(still, np.inf, spread))

    @property
    def width(self) -> int:
        """P."""
        return len(self.centre)

    def parts(self, history: History, start: int, stop: int) -> Generator[tuple[slice, Rows]]:
        """The rows of these steps, some at a time, each with where they lie."""
        for at in range(start, stop, AT_ONCE):
            part = slice(at, min(at + AT_ONCE, stop))
            yield part, self.rows(history, part.start, part.stop)

    def rows(self, history: History, start: int, stop: int) -> Rows:
        """The rows of these steps, (N, P)."""
        numbers, inside = np.arange(start, stop), slice(start, stop)
        phases = self.calendar.phases(numbers)
        columns = [self.calendar.columns(numbers, history.times[inside])]
        for block in self.blocks:
            first = max(start - block.reach, 0)
            columns.append(block.columns(history.known[first : stop + block.reach])[start - first : stop - first])
        plain = np.hstack(columns)
        parts = [phases, plain]
        if self.crossed:
            parts += [plain * phases[:, [wave]] for wave in _crossing(phases.shape[1])]
        return ((np.hstack(parts) - self.centre) / self.spread).astype(np.float32)


def _crossing(waves: int) -> list[int]:
    """The columns of the slowest waves among sines and then cosines."""
    pairs = waves // 2
    return [*range(min(pairs, CROSSED)), *range(pairs, pairs + min(pairs, CROSSED))]
