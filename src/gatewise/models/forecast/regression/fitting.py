"""One series regressed on its calendar and covariates: how the regression is laid out, penalised, and goes on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....tables.covariates import Covariates
from ....tables.panel import Floats
from .layout import History, Layout
from .ridge import PENALTIES, Sums

HELD_BACK = 0.2
"""Of the history, on which layouts and penalties are compared."""
ROWS_A_COLUMN = 3
"""Rows that every column of the wider layout must have."""


@dataclass(frozen=True)
class Fit:
    """A regression after ``sums.count`` rows. until: up to which step of the series these go."""

    layout: Layout
    penalty: float
    sums: Sums
    until: int
    weights: Floats
    intercept: float

    @classmethod
    def of(cls, history: History, covariates: Covariates | None, seasons: tuple[int, int]) -> Fit:
        """The regression of a history whose layout and penalty are the best at its end.

        Compared is what is left of each horizon once its mean is taken off, because the forecast of what is left gets
        the level right.
        """
        horizon = len(history.times) - history.length
        held = min(max(horizon, int(HELD_BACK * history.length)), history.length // 2)
        known = history.length - held
        best: tuple[float, Layout, float, Sums] | None = None
        for crossed in (False, True):
            layout = Layout.of(history, covariates, seasons, crossed=crossed)
            if crossed and (seasons[0] == 1 or ROWS_A_COLUMN * layout.width > known):
                continue
            sums = _added(Sums.none(layout.width), layout, history, 0, known)
            for penalty in PENALTIES:
                error = _error(layout, sums.weights(penalty), history, known, horizon)
                if best is None or error < best[0]:
                    best = error, layout, penalty, sums
        assert best is not None
        _, layout, penalty, sums = best
        return cls._solved(layout, penalty, _added(sums, layout, history, known, history.length), history.length)

    @classmethod
    def _solved(cls, layout: Layout, penalty: float, sums: Sums, until: int) -> Fit:
        weights, intercept = sums.weights(penalty)
        return cls(layout, penalty, sums, until, weights, intercept)

    def extended(self, history: History) -> Fit:
        """The same regression of a history that is longer."""
        if history.length <= self.until:
            return self
        sums = _added(self.sums, self.layout, history, self.until, history.length)
        return self._solved(self.layout, self.penalty, sums, history.length)

    def values(self, history: History, start: int, stop: int) -> Floats:
        """What the regression gives for these steps, (N,)."""
        return _values(self.layout, (self.weights, self.intercept), history, start, stop)


def _added(sums: Sums, layout: Layout, history: History, start: int, stop: int) -> Sums:
    for part, rows in layout.parts(history, start, stop):
        sums = sums.plus(rows, history.values[part])
    return sums


def _values(layout: Layout, weights: tuple[Floats, float], history: History, start: int, stop: int) -> Floats:
    parts = [rows @ weights[0] + weights[1] for _, rows in layout.parts(history, start, stop)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _error(layout: Layout, weights: tuple[Floats, float], history: History, start: int, horizon: int) -> float:
    left = history.values[start:] - _values(layout, weights, history, start, history.length)
    errors = [np.abs(part - np.nanmedian(part)) for part in _cut(left, horizon) if not np.isnan(part).all()]
    return float(np.nanmean(np.concatenate(errors))) if errors else float("inf")


def _cut(values: Floats, size: int) -> list[Floats]:
    size = max(size, 4)
    return [values[at : at + size] for at in range(0, len(values), size)]
