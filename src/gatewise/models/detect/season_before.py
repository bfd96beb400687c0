"""What is expected of the rows that come without a network: what was observed one season before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ...tables.panel import Floats
from .expectation import LOOKED_AT, REACH, season_of
from .tails import Recent

TAIL = 0.025
"""The share of errors that lies beyond either end of the band."""


@dataclass
class SeasonBefore:
    """A row is expected to be as that one season before, or the latest one observed whole seasons before.

    Around it lies the band in which 95 of a hundred of the latest errors were.

    Attributes:
        season: Rows in one, 1 for none.
        look: How many rows are known when a season is looked for; 0 where it was given, and is not.
        errors: The latest, with their signs.
    """

    ARRAY: ClassVar[tuple[str, int]] = ("before", 1)

    season: int
    look: int
    errors: Recent = field(default_factory=Recent)

    @classmethod
    def of(cls, season: int | None) -> SeasonBefore:
        """That of a series of which nothing is known yet. season: None where it is to be found."""
        return cls(season or 1, 0 if season else LOOKED_AT)

    def read(self, past: Floats, known: int, values: Floats) -> Floats:
        """What was expected of values (T,), each from what came before it, (T, 3), as of `Expectation.read`."""
        rows = np.concatenate([past, values])
        return np.array([self._row(rows, len(past) + at, known + at) for at in range(len(values))]).reshape(-1, 3)

    def arrays(self) -> dict[str, Floats]:
        """What a file holds of it."""
        return {self.ARRAY[0]: np.array(self.errors.past, np.float64)}

    def record(self) -> dict[str, int]:
        """What a file says of it."""
        return {"season": self.season, "look": self.look}

    @classmethod
    def restored(cls, arrays: Mapping[str, Floats], record: Mapping[str, Any]) -> SeasonBefore:
        """Out of what a file holds and says."""
        return cls(record["season"], record["look"], Recent(arrays[cls.ARRAY[0]].tolist()))

    def _row(self, rows: Floats, at: int, known: int) -> tuple[float, float, float]:
        if self.look and known >= self.look:
            self.season, self.look = season_of(rows[:at]), 2 * known
        middle = before(rows[:at], self.season)
        low, high = self._band()
        self.errors.add(float(rows[at]) - middle)
        return middle + low, middle, middle + high

    def _band(self) -> tuple[float, float]:
        """How far below and above the ends lie; NaN where there are too few errors."""
        ranked = self.errors.ranked
        if not self.errors.tells:
            return math.nan, math.nan
        return ranked[int(TAIL * len(ranked))], ranked[-1 - int(TAIL * len(ranked))]


def before(past: Floats, season: int) -> float:
    """The latest value that was observed whole seasons before the next row, at most `REACH` rows; NaN where none."""
    stretch = past[-REACH:][::-1][season - 1 :: season]
    seen = np.flatnonzero(~np.isnan(stretch))
    return float(stretch[seen[0]]) if len(seen) else math.nan
