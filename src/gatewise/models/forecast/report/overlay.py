"""The chart of a backtest: what was said at past cutoffs, over what came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....escape import visible
from ....pages.axes import Scale, number_ticks, time_ticks, value_scale
from ....pages.figure import Figure, Key, Path, Rule
from ....pages.marks import area, line
from ....tables.panel import Floats
from ....words import count
from ..results import Backtest, Outcome, Window


@dataclass(frozen=True)
class _Claim:
    """What one window said of one series from position ``start`` on; each array has shape (horizon,)."""

    start: int
    low: Floats
    median: Floats
    high: Floats
    rival: Floats | None

    @property
    def values(self) -> Floats:
        """Everything drawn, which the axis must hold."""
        return np.concatenate([self.low, self.high, self.median if self.rival is None else self.rival])

    def paths(self, place: int, across: Scale, up: Scale) -> list[Path]:
        x = across(np.arange(place, place + len(self.median)))
        drawn = [area(x, up(self.low), up(self.high), "band"), line(x, up(self.median), "forecast")]
        return drawn if self.rival is None else [*drawn, line(x, up(self.rival), "rival")]


def backtest_chart(outcome: Outcome, backtest: Backtest, row: int) -> Figure | None:
    """The model, and its best rival, at each cutoff over what came; None for a series that was not scored."""
    model, rival = contenders(outcome.model, backtest)
    level = min(outcome.levels, default=0)
    windows = _apart([window for window in backtest.windows if row in window.series], backtest.horizon)
    claims = [_claim(window, outcome, row, (model, rival, level)) for window in windows]
    if not claims:
        return None
    times, values = outcome.panel.times[row], outcome.panel.values[row]
    first = max(0, min(claim.start for claim in claims) - max(2 * backtest.horizon, backtest.season))
    last = max(claim.start for claim in claims) + backtest.horizon
    across = Scale(0, last - 1 - first)
    up = value_scale([values[first:last], *(claim.values for claim in claims)])
    truth = line(across(np.arange(last - first)), up(values[first:last]), "truth")
    paths = [truth, *(path for claim in claims for path in claim.paths(claim.start - first, across, up))]
    return Figure(
        title=f"Backtest of {visible(outcome.panel.ids[row])}",
        description=f"Forecasts of {model} from {count(len(claims), 'past cutoff')}, drawn over what then came.",
        x_ticks=time_ticks(times[first:last], across),
        y_ticks=number_ticks(up),
        paths=tuple(sorted(paths, key=lambda path: path.style != "band")),
        rules=tuple(Rule(float(across(claim.start - first - 0.5))) for claim in claims),
        legend=_legend(model, rival, level),
        height=280,
    )


def _apart(windows: list[Window], horizon: int) -> list[Window]:
    """Those that do not overlap, from the latest back: drawn over each other, nobody could tell them apart."""
    chosen: list[Window] = []
    for window in reversed(windows):
        if not chosen or window.steps_back - chosen[-1].steps_back >= horizon:
            chosen.append(window)
    return chosen[::-1]


def contenders(model: str, backtest: Backtest) -> tuple[str, str]:
    """The model to show (the one that forecasts, where it was scored) and the best of the others, or ''."""
    names = [score.model for score in backtest.scores]
    shown = model if model in names else backtest.judgement.chosen
    return shown, next((name for name in names if name != shown), "")


def _claim(window: Window, outcome: Outcome, row: int, shown: tuple[str, str, int]) -> _Claim:
    model, rival, level = shown
    at = int(np.flatnonzero(window.series == row)[0])
    forecast = window.forecasts[model]
    low, high = forecast.interval(level) if level else (forecast.median, forecast.median)
    other = window.forecasts[rival].median[at] if rival else None
    start = int(np.searchsorted(outcome.panel.times[row], window.cutoffs[at], side="right"))
    return _Claim(start, low[at], forecast.median[at], high[at], other)


def _legend(model: str, rival: str, level: int) -> tuple[Key, ...]:
    keys = [Key("truth", "what came"), Key("forecast", f"{model}, median")]
    keys += [Key("band", f"{level} % interval", "area")] if level else []
    return (*keys, Key("rival", rival)) if rival else tuple(keys)
