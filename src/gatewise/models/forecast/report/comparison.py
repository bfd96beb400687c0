"""The charts that set models side by side: error per step, coverage, and how errors spread over the series."""

from __future__ import annotations

import numpy as np

from ....pages.axes import Scale, number_ticks, percent_ticks, step_ticks, value_scale
from ....pages.figure import Dot, Figure, Key, Rule, Tick
from ....pages.marks import bars, line, series, shape
from ....words import count, listed, percent
from ..results import Backtest, error_by_series

_MOST_DOTS = 24
_BINS = 24


def error_chart(backtest: Backtest) -> Figure | None:
    """Each model's mean absolute scaled error at each step ahead; None where it is undefined."""
    horizon, errors = backtest.horizon, [score.error_by_step for score in backtest.scores]
    if not np.isfinite(errors).any():
        return None
    across, up = Scale(min(1, horizon - 1), horizon), value_scale(errors, floor=0.0)
    x = across(np.arange(1, horizon + 1))
    dots = [
        Dot(at, down, series(place), shape(place))
        for place, error in enumerate(errors)
        for at, down in zip(x.tolist(), up(error).tolist(), strict=True)
        if horizon <= _MOST_DOTS and np.isfinite(down)
    ]
    best = backtest.scores[0]
    return Figure(
        title="Error at each step ahead",
        description=f"Mean absolute scaled error by step. {best.model} goes from {best.error_by_step[0]:.2f} "
        f"at the first step to {best.error_by_step[-1]:.2f} at step {horizon}.",
        x_ticks=step_ticks(horizon, across),
        y_ticks=number_ticks(up),
        paths=tuple(line(x, up(error), series(place)) for place, error in enumerate(errors)),
        dots=tuple(dots),
        legend=_models(backtest),
    )


def coverage_chart(backtest: Backtest) -> Figure | None:
    """For each model and level, the share of observations inside the interval; None where nothing was measured."""
    levels = sorted(backtest.scores[0].coverage)
    if not levels:
        return None
    rows = len(backtest.scores)
    worst = min(min(score.coverage.values()) for score in backtest.scores)
    across = Scale(min(10 * np.floor(worst / 10 - 0.5), levels[0] - 20), 102)
    heights = [100 * (place + 0.5) / rows for place in range(rows)]
    dots = [
        Dot(float(across(score.coverage[level])), height, series(place), shape(levels.index(level)))
        for place, (score, height) in enumerate(zip(backtest.scores, heights, strict=True))
        for level in levels
    ]
    return Figure(
        title="Coverage measured against nominal",
        description=_coverage_words(backtest, levels),
        x_ticks=percent_ticks(across, 20),
        y_ticks=tuple(Tick(height, score.model) for score, height in zip(backtest.scores, heights, strict=True)),
        dots=tuple(dots),
        rules=tuple(Rule(float(across(level)), f"{level} %") for level in levels),
        legend=tuple(Key("any", f"{level} % interval", shape(row)) for row, level in enumerate(levels)),
        height=max(120, 44 * rows),
    )


def spread_chart(backtest: Backtest, model: str, series: int) -> Figure | None:
    """How many series have which error; None where fewer than ten were scored."""
    errors = error_by_series(backtest, model, series)
    errors = errors[np.isfinite(errors)]
    if len(errors) < 10:
        return None
    top = float(np.quantile(errors, 0.98)) * 1.02
    heights, edges = np.histogram(np.minimum(errors, top), bins=_BINS, range=(0, top))
    across, up = Scale(0, top), value_scale([heights], floor=0.0)
    columns = bars(across(edges[:-1]) + 0.1, across(edges[1:]) - 0.1, up(heights), "bar")
    middle = float(np.median(errors))
    beyond = int(np.sum(errors > top))
    return Figure(
        title=f"Error of {model} in {len(errors):,} series",
        description=f"Half of the series have a MASE under {middle:.2f}; the greatest is {errors.max():.2f}."
        + (f" The last bar also holds {count(beyond, 'series', 'series')} beyond the scale." if beyond else ""),
        x_ticks=number_ticks(across),
        y_ticks=number_ticks(up, most=3),
        paths=(columns,),
        rules=(Rule(float(across(middle)), "median"),),
        height=180,
    )


def _models(backtest: Backtest) -> tuple[Key, ...]:
    return tuple(Key(series(place), score.model, shape(place)) for place, score in enumerate(backtest.scores))


def _coverage_words(backtest: Backtest, levels: list[int]) -> str:
    best = backtest.scores[0]
    held = [f"{percent(best.coverage[level])} inside its {level} % interval" for level in levels]
    chance = listed([f"{best.coverage_error[level]:.0f}" for level in levels])
    return (
        f"Share of observed values that fell inside each interval. {best.model}: {listed(held)}, where chance explains "
        f"about {chance} points."
    )
