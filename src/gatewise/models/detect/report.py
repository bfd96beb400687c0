"""The page on anomalies: each series with its alerts, how surprising its rows were, and the alerts from close up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ...escape import visible
from ...pages import templates
from ...pages.axes import Scale, number_ticks, time_ticks, value_scale
from ...pages.figure import Dot, Figure, Key, Rule
from ...pages.marks import area, line, thinned
from ...tables.panel import Floats
from ...words import count, number, sentence, stamps
from .results import CAUSES, Alert, Findings, alert_columns
from .watch import KINDS, Verdicts

if TYPE_CHECKING:
    from jinja2 import Template

MOST_SERIES, MOST_ALERTS, MOST_LISTED = 6, 6, 200
"""Series that are drawn, alerts of each from close up, and alerts in the table."""
BEFORE, AFTER = 60, 60
"""Rows that are drawn around the peak of an alert."""
STYLES = {"spike": "series-1", "level": "series-3", "shape": "series-2", "gap": "series-4", "frozen": "series-5"}
DOTS = {"spike": "circle", "level": "square", "shape": "triangle", "gap": "diamond", "frozen": "diamond"}


@dataclass(frozen=True)
class CloseUp:
    """One alert. words: what happened."""

    title: str
    words: str
    figure: Figure


@dataclass(frozen=True)
class Drawn:
    """One series. whole: all its rows. surprise: of each. close: some of its alerts. left: how many are not shown."""

    name: str
    whole: Figure
    surprise: Figure
    close: tuple[CloseUp, ...]
    left: int


@dataclass(frozen=True)
class Report:
    """What the page shows, as text and figures."""

    findings: Findings
    facts: tuple[tuple[str, str], ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    series: tuple[Drawn, ...]
    undrawn: int


def render(findings: Findings) -> str:
    """The page as HTML text."""
    heads, cells = zip(*alert_columns(findings), strict=True)
    rows = list(zip(*cells, strict=True))
    shown = _shown(findings)
    report = Report(
        findings,
        _facts(findings),
        heads,
        tuple(rows[:MOST_LISTED]),
        tuple(_drawn(findings, row) for row in shown),
        len(findings.panel) - len(shown),
    )
    kinds = {alert.kind for alert in findings.alerts}
    causes = {kind: cause for kind, cause in CAUSES.items() if kind in kinds}
    return _template().render(report=report, unlisted=len(rows) - len(report.rows), causes=causes, close_keys=CLOSE)


@cache
def _template() -> Template:
    environment = templates(__package__ or "")
    environment.filters["sentence"] = sentence
    return environment.get_template("anomalies.html.j2")


def _facts(findings: Findings) -> tuple[tuple[str, str], ...]:
    panel = findings.panel
    ends = np.array([times[[0, -1]] for times in panel.times])
    first, last = stamps(np.array([ends[:, 0].min(), ends[:, 1].max()]))
    return (
        ("Alerts", f"{len(findings.alerts):,}"),
        ("At most", str(findings.budget)),
        ("Series", f"{len(panel):,}"),
        ("Rows", f"{panel.lengths.sum():,}"),
        ("From", first),
        ("To", last),
    )


def _shown(findings: Findings) -> list[int]:
    """The series with the most alerts."""
    alerts = np.array([verdicts.begins.sum() for verdicts in findings.verdicts])
    return np.argsort(-alerts, kind="stable")[:MOST_SERIES].tolist()


def _drawn(findings: Findings, row: int) -> Drawn:
    alerts = findings.of(row)
    worst = sorted(sorted(alerts, key=lambda alert: -alert.score)[:MOST_ALERTS], key=lambda alert: alert.row)
    close = tuple(_close_up(findings, row, alert) for alert in worst)
    name = visible(findings.panel.ids[row])
    return Drawn(name, _whole(findings, row, alerts), _surprise(findings, row), close, len(alerts) - len(close))


def _whole(findings: Findings, row: int, alerts: tuple[Alert, ...]) -> Figure:
    panel, values = findings.panel, findings.panel.observed[row]
    across, up = Scale(0, max(len(values) - 1, 1)), value_scale([values])
    kept = thinned(values)
    return Figure(
        title=f"All rows of {visible(panel.ids[row])}",
        description=f"{count(len(values), 'row')}, {count(len(alerts), 'alert')}.",
        x_ticks=time_ticks(panel.times[row], across),
        y_ticks=number_ticks(up),
        paths=(line(across(kept), up(values[kept]), "truth"),),
        dots=tuple(_dot(alert, float(across(alert.peak)), values, up) for alert in alerts),
        legend=(Key("truth", "observed"), *_kinds(alerts)),
        height=240,
    )


def _surprise(findings: Findings, row: int) -> Figure:
    """How surprising each row was, and from where on an alert begins."""
    verdicts, times = findings.verdicts[row], findings.panel.times[row]
    held = _decades(verdicts)
    level = np.where(np.isfinite(verdicts.level), verdicts.level, np.nan)
    across, up = Scale(0, max(len(held) - 1, 1)), value_scale([held, level], floor=0.0)
    kept, steps = thinned(held), thinned(level)
    floor = np.full(len(kept), 100.0)
    return Figure(
        title=f"How surprising the rows of {visible(findings.panel.ids[row])} were",
        description="Minus the decimal logarithm of the tail probability; it fades over the rows after a surprise.",
        x_ticks=time_ticks(times, across),
        y_ticks=number_ticks(up, 3),
        paths=(
            area(across(kept), floor, up(held[kept]), "band"),
            line(across(steps), up(level[steps]), "series-1"),
        ),
        legend=(Key("band", "surprise, in decades", "area"), Key("series-1", "from here on an alert")),
        height=110,
    )


def _decades(verdicts: Verdicts) -> Floats:
    return -np.log10(1 - verdicts.score)


def _close_up(findings: Findings, row: int, alert: Alert) -> CloseUp:
    panel, verdicts = findings.panel, findings.verdicts[row]
    start, end = max(alert.peak - BEFORE, 0), min(alert.peak + AFTER, len(panel.values[row]))
    values, expected = panel.observed[row][start:end], verdicts.expected[start:end]
    across, up = Scale(0, max(end - start - 1, 1)), value_scale([values, expected])
    at = across(np.arange(end - start))
    known = ~np.isnan(expected[:, 1])
    title = f"{alert.kind.capitalize()} at {alert.time}"
    figure = Figure(
        title=f"{title}, from close up",
        description=f"{sentence(alert.words)} Score {alert.score:.4f}.",
        x_ticks=time_ticks(panel.times[row][start:end], across),
        y_ticks=number_ticks(up, 4),
        paths=(
            area(at[known], up(expected[known, 0]), up(expected[known, 2]), "band"),
            line(at, up(expected[:, 1]), "forecast"),
            line(at, up(values), "truth"),
        ),
        dots=(_dot(alert, float(at[alert.peak - start]), panel.observed[row], up),),
        rules=(Rule(float(at[alert.row - start]), "begins"),) if alert.row >= start else (),
        height=200,
    )
    return CloseUp(
        title, f"{sentence(alert.words)} From {alert.begin} to {alert.end}; score {alert.score:.4f}.", figure
    )


def _dot(alert: Alert, x: float, values: Floats, up: Scale) -> Dot:
    """The peak of an alert; that of missing values stands at the latest value before."""
    before = values[: alert.peak + 1]
    seen = before[~np.isnan(before)]
    y = float(up(seen[-1])) if len(seen) else 100.0
    return Dot(x, y, STYLES[alert.kind], DOTS[alert.kind], f"{alert.time}\n{alert.kind}\n{number(alert.value)}")


def _kinds(alerts: tuple[Alert, ...]) -> tuple[Key, ...]:
    kinds = {alert.kind for alert in alerts}
    return tuple(Key(f"{STYLES[kind]} mark", kind, DOTS[kind]) for kind in KINDS if kind in kinds)


CLOSE = (
    Key("truth", "observed"),
    Key("forecast", "expected"),
    Key("band", "95 of a hundred expected here", "area"),
)
"""The legend of all alerts from close up."""
