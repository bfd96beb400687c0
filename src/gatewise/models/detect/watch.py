"""The watch over one series: its rows are read in order, and each is judged by those before it alone."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...tables.panel import Floats
from .alarm import REST, Alarm
from .expectation import Expectation
from .runs import Runs
from .season_before import SeasonBefore
from .shapes import LENGTHS, Shapes
from .tails import Recent, Tail

KINDS = ("spike", "level", "shape", "gap", "frozen")
SPIKE, LEVEL, SHAPE, GAP, FROZEN = range(len(KINDS))
NO_KIND = -1
EXPECTATIONS: dict[str, type[Expectation] | type[SeasonBefore]] = {
    "pretrained": Expectation,
    "seasonal_naive": SeasonBefore,
}
"""What is expected of a row, by the word that chooses it."""
MODELS, MODEL = tuple(EXPECTATIONS), "pretrained"
SIGNALS = ("forecast", "level", *(f"shape {length}" for length in LENGTHS))
"""What surprises: the distance from the forecast, from the usual level, and from the shapes of the past."""
FORECAST, USUAL = SIGNALS.index("forecast"), SIGNALS.index("level")
FADING = math.exp(-1 / (2 * REST))
"""What is left of a surprise a row later, in the score."""
LATEST, SOME, UNUSUAL = 8, 4, 1.0
"""An alert is one of level where the latest so many rows are all far from the usual level, in decades; it is one of
shape, and no spike, where at least some of them are far from what was expected."""
SHORTEST_GAP, SHORTEST_FREEZE = 3, 12


class Verdict(NamedTuple):
    """What is said of one row, see `Verdicts`."""

    surprise: float
    score: float
    level: float
    kind: int
    begins: bool


@dataclass(frozen=True)
class Verdicts:
    """What is said of T rows in order.

    Attributes:
        expected: What was expected of them, (T, 3), as `expectation.FAN`; NaN where nothing was.
        surprise: The mean over those `SIGNALS` that there are of minus the decimal logarithm of each tail probability,
            (T,).
        score: 0 to 1, (T,): one minus ten to the power of minus the surprise, which fades over the rows after it.
        level: What the surprise was to exceed for an alert, (T,).
        kind: Which of `KINDS`, by its number, for rows of an alert, else `NO_KIND`, (T,).
        begins: Whether an alert begins there, (T,).
    """

    expected: Floats
    surprise: Floats
    score: Floats
    level: Floats
    kind: NDArray[np.int8]
    begins: NDArray[np.bool_]

    @classmethod
    def of(cls, expected: Floats, rows: Sequence[Verdict]) -> Verdicts:
        """From what is said of each row."""
        surprise, score, level, kind, begins = zip(*rows, strict=True) if rows else ((),) * len(Verdict._fields)
        return cls(
            expected,
            np.array(surprise, np.float64),
            np.array(score, np.float64),
            np.array(level, np.float64),
            np.array(kind, np.int8),
            np.array(begins, np.bool_),
        )


class Watch:
    """What is remembered of one series.

    Args:
        rate: Alerts that may begin, a row.
        season: Rows in one, or None where it is to be found.
        model: What says what is expected, one of `MODELS`.
    """

    def __init__(self, rate: float, season: int | None = None, model: str = MODEL) -> None:
        self.known = 0
        self.shapes = Shapes(np.empty(0))
        self.expectation = EXPECTATIONS[model].of(season)
        self.values = Recent()
        self.tails = [Tail() for _ in SIGNALS]
        self.alarm = Alarm(rate)
        self.gaps, self.freezes = Runs(SHORTEST_GAP), Runs(SHORTEST_FREEZE)
        self.last = math.nan
        self.held = 0.0
        self.away: deque[float] = deque(maxlen=LATEST)
        self.errors: deque[float] = deque(maxlen=LATEST)
        self.kind = SHAPE

    def read(self, values: Floats) -> Verdicts:
        """Judge the rows (T,) that come next, NaN where missing."""
        expected = self.expectation.read(self.shapes.past, self.known, values)
        rows = list(map(self._row, values.tolist(), expected[:, 1].tolist()))
        return Verdicts.of(expected, rows)

    def _row(self, value: float, median: float) -> Verdict:
        signals = self._signals(value, median)
        run = self._run(value)
        told = [signal for signal in signals if not math.isnan(signal)]
        surprise = math.fsum(told) / max(len(told), 1)
        level, begins = self.alarm.level, self.alarm.begins(surprise, run != NO_KIND)
        self.held = max(surprise, FADING * self.held)
        self.known += 1
        if self.alarm.is_exceeded:
            self.kind = self._kind(begins)
        kind = run if run != NO_KIND else self.kind if self.alarm.is_exceeded else NO_KIND
        return Verdict(surprise, 1 - 10**-self.held, level, kind, begins)

    def _signals(self, value: float, median: float) -> list[float]:
        """How surprising the value is in each way; NaN where something missing leaves that open."""
        away = (abs(value - median), abs(value - self.values.median), *self.shapes.nearest(value).tolist())
        signals = [tail.surprise(number) for tail, number in zip(self.tails, away, strict=True)]
        self.values.add(value)
        self.away.append(signals[USUAL])
        self.errors.append(signals[FORECAST])
        return signals

    def _run(self, value: float) -> int:
        """The kind of run that stands out with this value."""
        missing = math.isnan(value)
        gap, freeze = self.gaps.stands_out(missing), self.freezes.stands_out(value == self.last)
        self.last = self.last if missing else value
        return GAP if gap else FROZEN if freeze else NO_KIND

    def _kind(self, begins: bool) -> int:
        """What the latest rows look like; where none of them is odd by itself, what the alert looked like before."""
        if len(self.away) == LATEST and all(signal >= UNUSUAL for signal in self.away):
            return LEVEL
        odd = sum(max(pair) >= UNUSUAL for pair in zip(self.errors, self.away, strict=True))
        if not odd:
            return SHAPE if begins else self.kind
        return SPIKE if odd < SOME else SHAPE
