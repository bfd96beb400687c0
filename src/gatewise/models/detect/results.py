"""What is found in the rows of a table: every row with what is said of it, and the alerts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from ...tables.panel import Floats, Panel
from ...words import UNDEFINED, count, few, listed, number, stamps
from .budget import Budget
from .watch import FROZEN, GAP, KINDS, LEVEL, NO_KIND, Verdicts

RUNS = (GAP, FROZEN)
CAUSES = {
    "spike": "a value far from what was expected",
    "level": "values that stay far from the usual level",
    "shape": "a course unlike any before",
    "gap": "missing values, more than ever before",
    "frozen": "one value, for longer than ever before",
}
"""Kinds of alerts in words."""


@dataclass(frozen=True)
class Alert:
    """Rows of one series that belong together, and are unlike those before.

    Attributes:
        series: The id of the series.
        row: Where it begins, counted from the first row read.
        last: The latest row that belongs to it.
        peak: The row that was the most surprising, of which the figures are.
        kind: ``"spike"``, ``"level"``, ``"shape"``, ``"gap"`` or ``"frozen"``.
        begin: The time where it begins, as text.
        end: The time of the latest row that belongs to it.
        time: The time of its peak.
        value: What was observed at its peak; NaN where nothing was.
        expected: The median that was expected there.
        low: The value above which 97.5 of a hundred such rows were expected.
        high: The value below which 97.5 of a hundred such rows were expected.
        score: The largest of its rows, 0 to 1.
    """

    series: str
    row: int
    last: int
    peak: int
    kind: str
    begin: str
    end: str
    time: str
    value: float
    expected: float
    low: float
    high: float
    score: float

    @property
    def words(self) -> str:
        """What happened, in a few words."""
        if self.kind in ("gap", "frozen"):
            return f"{CAUSES[self.kind]}: {count(self.last - self.row + 1, 'row')} so far"
        band = f"{number(self.low)} to {number(self.high)}"
        about = "" if np.isnan(self.low) else f", expected {band}"
        return f"{CAUSES[self.kind]}: {number(self.value)}{about}"


@dataclass(frozen=True)
class Findings:
    """Every row of a table with its score, and the alerts.

    Attributes:
        panel: The S series as they were read, a `Panel`.
        verdicts: What is said of the rows of each, S `Verdicts`.
        budget: How many alerts were asked for.
        notes: Sentences about what was inferred or left out.
        source: What the data are called.
        command: The command line that makes this again; empty where there is none.
        version: The version of gatewise.
    """

    panel: Panel
    verdicts: tuple[Verdicts, ...]
    budget: Budget
    notes: tuple[str, ...]
    source: str
    command: str
    version: str

    @cached_property
    def alerts(self) -> tuple[Alert, ...]:
        """Those that begin in these rows, by series and time."""
        return tuple(alert for row in range(len(self.panel)) for alert in self._alerts_of(row))

    def of(self, row: int) -> tuple[Alert, ...]:
        """The alerts of one series. row: its position in the panel."""
        return tuple(self._alerts_of(row))

    @property
    def verdict(self) -> str:
        """How many alerts there are, and of which kinds, in one sentence."""
        rows = count(int(self.panel.lengths.sum()), "row")
        if not self.alerts:
            return f"No alert in {rows}: {self.budget} may be expected by chance."
        kinds = [alert.kind for alert in self.alerts]
        listing = listed([f"{kinds.count(kind)} {kind}" for kind in KINDS if kind in kinds])
        series = {alert.series for alert in self.alerts}
        where = f" in {few(sorted(series))}" if len(self.panel) > 1 else ""
        return f"{count(len(self.alerts), 'alert')} in {rows}{where}: {listing}. The budget is {self.budget}."

    def _alerts_of(self, series: int) -> Iterator[Alert]:
        verdicts, values = self.verdicts[series], self.panel.observed[series]
        first = np.flatnonzero(verdicts.begins).tolist()
        times = stamps(self.panel.times[series])
        for begin, end in pairwise([*first, len(values)]):
            last = begin + int(np.flatnonzero(verdicts.kind[begin:end] != NO_KIND)[-1])
            kinds = verdicts.kind[begin : last + 1].tolist()
            peak = begin + peak_of(kinds, verdicts.surprise[begin : last + 1])
            kind = LEVEL if LEVEL in kinds and verdicts.kind[peak] not in RUNS else int(verdicts.kind[peak])
            low, median, high = verdicts.expected[peak].tolist()
            yield Alert(
                self.panel.ids[series],
                begin,
                last,
                peak,
                KINDS[kind],
                times[begin],
                times[last],
                times[peak],
                float(values[peak]),
                median,
                low,
                high,
                float(verdicts.score[begin : last + 1].max()),
            )


def peak_of(kinds: list[int], surprise: Floats) -> int:
    """The row that an alert is told by: where a run first stands out, or else the most surprising."""
    return next((row for row, kind in enumerate(kinds) if kind in RUNS), int(surprise.argmax()))


def alert_columns(findings: Findings) -> list[tuple[str, list[str]]]:
    """The alerts as columns, each a heading and a cell for each, those that may be left out last."""
    alerts = findings.alerts
    expected = [
        UNDEFINED if np.isnan(alert.low) else f"{number(alert.low)} to {number(alert.high)}" for alert in alerts
    ]
    return [
        *([("series", [alert.series for alert in alerts])] if len(findings.panel) > 1 else []),
        ("begins", [alert.begin for alert in alerts]),
        ("kind", [alert.kind for alert in alerts]),
        ("observed", [number(alert.value) for alert in alerts]),
        ("expected", expected),
        ("score", [f"{alert.score:.4f}" for alert in alerts]),
        ("ends", [alert.end for alert in alerts]),
        ("peak", [alert.time for alert in alerts]),
    ]
