"""A series cut into whole seasons, and what the steps of the next one are regressed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....tables.covariates import Covariate
from ....tables.panel import Floats
from .calendar import DAY, WEEK, days_of

LAGS, KNOWN_LAGS = (1, 2, 3, 7), (0, 1, 7)
"""Seasons back at which the target, and covariates that are known ahead, are looked at: those of LEAR, where seasons
are days."""
FURTHEST = max(LAGS)
MOST_WORDS = 10


@dataclass(frozen=True)
class Seasons:
    """N seasons of S steps that end where the series does, and the one that comes.

    target: (N, S). known, past: covariates (N + 1, S, C), of which those of the next season stand last; of the past
    ones that is empty. horizon: steps of a season that are forecast. weekdays: of each season and the next, (N + 1,),
    or None where seasons are no days.
    """

    target: Floats
    known: Floats
    past: Floats
    horizon: int
    weekdays: NDArray[np.int64] | None

    @classmethod
    def of(
        cls,
        values: Floats,
        times: NDArray[np.generic],
        covariates: Floats,
        columns: Sequence[Covariate],
        season: int,
    ) -> Seasons:
        """Those of a series (T,); times and covariates reach over the horizon, (T + horizon, ...)."""
        horizon, count = len(times) - len(values), len(values) // season
        first = len(values) - count * season
        room = np.full((season - horizon, covariates.shape[1]), np.nan)
        whole = np.concatenate((covariates[first:], room)).reshape(count + 1, season, covariates.shape[1])
        past = [at for at, column in enumerate(columns) if column.role == "past"]
        known = [at for at, column in enumerate(columns) if column.role == "known"]
        return cls(
            values[first:].reshape(count, season),
            _numbers(whole[..., known], [columns[at] for at in known]),
            _numbers(whole[..., past], [columns[at] for at in past]),
            horizon,
            _weekdays(times[first::season][: count + 1], season),
        )

    def latest(self, count: int) -> Seasons:
        """The latest so many seasons, and those that they look back at."""
        start = max(len(self.target) - count - FURTHEST, 0)
        weekdays = None if self.weekdays is None else self.weekdays[start:]
        return Seasons(self.target[start:], self.known[start:], self.past[start:], self.horizon, weekdays)

    def features(self, target: Floats, known: Floats, past: Floats) -> Floats:
        """What each season after the first few is regressed on, the next one's row last, (N - FURTHEST + 1, P).

        target, known, past: as those of these seasons, on the scale of the regression.
        """
        rows = np.arange(FURTHEST, len(target) + 1)
        parts = [target[rows - lag] for lag in LAGS]
        for lag in KNOWN_LAGS:
            steps = self.horizon if lag == 0 else target.shape[1]
            parts.append(known[rows - lag, :steps].reshape(len(rows), -1))
        parts += [past[rows - lag].reshape(len(rows), -1) for lag in KNOWN_LAGS if lag]
        if self.weekdays is not None:
            parts.append(np.eye(WEEK)[self.weekdays[rows]])
        return np.hstack(parts)


def _numbers(values: Floats, columns: Sequence[Covariate]) -> Floats:
    """Covariates (N, S, C) as numbers, of which words are flags (N, S, K)."""
    parts = [np.empty((*values.shape[:2], 0))]
    for at, column in enumerate(columns):
        own = values[..., [at]]
        words = np.arange(min(len(column.words), MOST_WORDS))
        parts.append(np.where(np.isnan(own), np.nan, (own == words).astype(np.float64)) if column.words else own)
    return np.concatenate(parts, axis=-1)


def _weekdays(starts: NDArray[np.generic], season: int) -> NDArray[np.int64] | None:
    if season == 1 or not np.issubdtype(starts.dtype, np.datetime64):
        return None
    days = days_of(starts)
    if float(np.median(np.diff(days))) != DAY:
        return None
    return (np.floor(days).astype(np.int64) + 3) % WEEK
