"""What is expected of the rows that come: forecasts by the pretrained network, each from what was known before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ...errors import InputError
from ...tables.panel import Floats
from ..forecast.pretrained.experts import MANY_SEASONS
from ..forecast.pretrained.model import forecast
from ..forecast.pretrained.network import LEVELS
from ..forecast.pretrained.sums import carried
from ..forecast.pretrained.tokens import PARTS, width
from ..forecast.pretrained.weights import pretrained
from ..forecast.seasonality import cycle

FIRST = 32
"""Rows that are read before anything is expected."""
LOOKED_AT, LATEST = 64, 2000
"""A season is looked for when so many rows are known, and each time these have doubled; in the latest of them."""
PATCHES = 16
"""Patches of the past that a forecast reads."""
REACH = 4096
"""Rows of the past that it reads at most, and so of a season."""
FAN = [LEVELS.index(level) for level in (0.025, 0.5, 0.975)]
"""What is expected: the ends of the band that holds 95 of a hundred rows, and between them the median."""


@dataclass(frozen=True)
class Due:
    """A forecast of the rows after the first ``known``, with a season of so many rows."""

    known: int
    season: int

    @property
    def steps(self) -> int:
        """How many rows it is of."""
        return PARTS * width(self.season)

    @property
    def reach(self) -> int:
        """How many rows it reads."""
        return min(max(PATCHES * self.steps, (MANY_SEASONS + 1) * self.season), REACH)

    def history(self, rows: Floats, first: int) -> Floats:
        """What it reads of rows of which so many came before the first, from the first that was observed."""
        end = self.known - first
        history = rows[max(end - self.reach, 0) : end]
        return history[np.flatnonzero(~np.isnan(history)).min(initial=len(history)) :]


class Expected(NamedTuple):
    """A forecast of some steps after the first ``known`` rows, of which history (N,) is read; step: that of a row."""

    history: Floats
    known: int
    season: int
    steps: int
    step: int


@dataclass
class Expectation:
    """What is expected of one series, as far ahead as one forecast goes.

    The network forecasts again when the rows of its last forecast are over: eight, or more where there is a season of
    more than twenty rows. A season counts from when the past alone has shown it.

    Attributes:
        season: Rows in one, 1 for none.
        look: How many rows are known when a season is looked for; 0 where it was given, and is not.
        due: How many rows are known when the next forecast is made.
        ahead: What is left of the last forecast, (N, 3), as `FAN`.
    """

    ARRAY: ClassVar[tuple[str, int]] = ("ahead", 2)
    """What its array is called in a file, and how many dimensions it has."""

    season: int
    look: int
    due: int
    ahead: Floats

    @classmethod
    def of(cls, season: int | None) -> Expectation:
        """That of a series of which nothing is known yet. season: None where it is to be found."""
        return cls(season or 1, 0 if season else LOOKED_AT, FIRST, np.empty((0, len(FAN))))

    def read(self, past: Floats, known: int, values: Floats) -> Floats:
        """What was expected of values (T,), each from what came before it, (T, 3); NaN before row `FIRST`.

        Args:
            past: The values before them, (P,), NaN where missing; the latest `REACH` at least, or all that there are.
            known: How many values came before them.
            values: The values.
        """
        rows, first = np.concatenate([past, values]), known - len(past)
        expected = np.full((len(values), len(FAN)), np.nan)
        _lay(expected, 0, self.ahead)
        self.ahead = self.ahead[len(values) :]
        due = list(self._due(rows, first, known + len(values)))
        for season, alike in groupby(due, key=lambda one: one.season):
            forecasts = list(alike)
            fans = fans_after([one.history(rows, first) for one in forecasts], season, forecasts[0].steps)
            for one, fan in zip(forecasts, fans, strict=True):
                _lay(expected, one.known - known, fan)
                self.ahead = fan[known + len(values) - one.known :]
        return expected

    def arrays(self) -> dict[str, Floats]:
        """What a file holds of it."""
        return {self.ARRAY[0]: self.ahead}

    def record(self) -> dict[str, int]:
        """What a file says of it."""
        return {"season": self.season, "look": self.look, "due": self.due}

    @classmethod
    def restored(cls, arrays: Mapping[str, Floats], record: Mapping[str, Any]) -> Expectation:
        """Out of what a file holds and says. Raises InputError where that is no expectation."""
        ahead, due = arrays[cls.ARRAY[0]], record["due"]
        if ahead.shape[1] != len(FAN) or len(ahead) > due:
            raise InputError("the array 'ahead' is of another size")
        if not 0 <= due - record["known"] <= REACH:
            raise InputError("its next forecast is not due after so many rows")
        return cls(record["season"], record["look"], due, ahead)

    def behind(self, past: Floats, known: int, values: Floats, row: int) -> Expected | None:
        """The forecast that a row of values is compared with, as `read` makes it; None where there is none.

        past, known, values: as for `read`. row: from 0. What is known here stays as it is.
        """
        rows, first, other = np.concatenate([past, values]), known - len(past), replace(self)
        latest = Due(self.due, self.season)
        before = [] if self.due == FIRST else [Due(self.due - latest.steps, self.season)]
        due = [one for one in (*before, *other._due(rows, first, known + len(values))) if one.known <= known + row]
        if not due or not len(history := due[-1].history(rows, first)):
            return None
        last = due[-1]
        return Expected(history, last.known, last.season, last.steps, known + row - last.known + 1)

    def _due(self, rows: Floats, first: int, end: int) -> Iterator[Due]:
        """The forecasts that are made before there are ``end`` rows."""
        while self.due < end:
            if self.look and self.due >= self.look:
                self.season = season_of(rows[: self.due - first])
                self.look = 2 * self.due
            due = Due(self.due, self.season)
            self.due += due.steps
            yield due


def fans_after(histories: Sequence[Floats], season: int, steps: int) -> Floats:
    """What is expected after each history, (F, steps, 3); NaN after one of which nothing was observed."""
    fans = np.full((len(histories), steps, len(FAN)), np.nan)
    seen = [number for number, history in enumerate(histories) if len(history)]
    if seen:
        fans[seen] = forecast(pretrained(), [histories[number] for number in seen], season, 1, steps)[..., FAN]
    return fans


def _lay(expected: Floats, row: int, fan: Floats) -> None:
    """Put a forecast where its rows are, as far as they are there."""
    expected[row : row + len(fan)] = fan[: max(len(expected) - row, 0)]


def season_of(past: Floats) -> int:
    """Rows in a season of what is known, 1 for none."""
    latest = carried(past[None, -LATEST:])[0]
    return cycle([latest[~np.isnan(latest)]])
