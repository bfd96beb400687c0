"""What the times of a series say by themselves: where a step lies in its season, its week and its year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....tables.panel import Floats

HARMONICS, YEARLY, WEEKLY = 6, 3, 4
"""Pairs of sine and cosine that follow a season, a year, and a longer season that is no week."""
DAY, WEEK, YEAR = 1.0, 7, 365.2425  # days
LEAST_YEARS = 1.5
"""Of history from which the course of a year is learned."""


@dataclass(frozen=True)
class Calendar:
    """Columns of one series that need nothing but the number and the time of a step.

    season: steps, 1 for none. longer: steps in a longer season, 1 for none. weekdays, years: whether times are dates by
    which the days of the week are told apart within a season, and the history is long enough to follow the year.
    """

    season: int
    longer: int
    weekdays: bool
    years: bool

    @classmethod
    def of(cls, times: NDArray[np.generic], season: int, longer: int) -> Calendar:
        """That of a history with these times."""
        dated = np.issubdtype(times.dtype, np.datetime64) and len(times) > 1
        if not dated:
            return cls(season, longer, False, False)
        days = days_of(times)
        span, step = float(days[-1] - days[0]), float(np.median(np.diff(days[:1000])))
        weekdays = step < DAY or (step == DAY and season != WEEK)
        return cls(season, longer, weekdays, span > LEAST_YEARS * YEAR and step * season < YEAR / 2)

    @property
    def width(self) -> int:
        """How many columns `phases` and `columns` have together."""
        week = WEEK if self.weekdays else 2 * WEEKLY * (self.longer > 1)
        return 2 * min(HARMONICS, self.season // 2) + week + 2 * YEARLY * self.years

    def phases(self, numbers: NDArray[np.int64]) -> Floats:
        """Where in their season the steps of these numbers lie, (N, K)."""
        return waves(numbers / self.season, min(HARMONICS, self.season // 2))

    def columns(self, numbers: NDArray[np.int64], times: NDArray[np.generic]) -> Floats:
        """Day of the week or place in the longer season, and place in the year, (N, K)."""
        parts = [np.empty((len(numbers), 0))]
        if self.weekdays:
            parts.append(np.eye(WEEK)[(np.floor(days_of(times)).astype(np.int64) + 3) % WEEK])
        elif self.longer > 1:
            parts.append(waves(numbers / self.longer, WEEKLY))
        if self.years:
            parts.append(waves(days_of(times) / YEAR, YEARLY))
        return np.hstack(parts)


def days_of(times: NDArray[np.generic]) -> Floats:
    """Days since 1970."""
    return times.astype("datetime64[ns]").astype(np.int64) / 86_400e9


def waves(turns: Floats, pairs: int) -> Floats:
    """Sines and cosines of the first multiples of an angle given in turns, (N, 2 * pairs)."""
    angles = 2 * np.pi * turns[:, None] * np.arange(1, pairs + 1)
    return np.hstack((np.sin(angles), np.cos(angles)))
