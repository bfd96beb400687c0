"""The charts of one series: its forecast, and the whole past it stands on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....escape import visible
from ....pages.axes import Scale, number_ticks, time_ticks, value_scale
from ....pages.figure import Figure, Key, Rule, Zone
from ....pages.marks import fan, stretch, strip
from ....tables.panel import Floats
from ....words import listed, number, stamps, steps
from ..document import forecast_columns
from ..results import Outcome

_MOST_ZONES = 200


def fan_chart(outcome: Outcome, row: int) -> Figure:
    """The last stretch of one series' history and its forecast with every interval."""
    horizon, quantiles = outcome.horizon, outcome.quantiles
    past = outcome.panel.values[row][-_shown(outcome, row) :]
    now = len(past) - 1
    times = _times_with_future(outcome, row)[-len(past) - horizon :]
    across, up = Scale(0, now + horizon), value_scale([past, quantiles.values[row]])
    bounds = [quantiles.interval(level) for level in sorted(outcome.levels, reverse=True)]
    intervals = [(low[row], high[row]) for low, high in bounds]
    return Figure(
        title=f"Forecast of {visible(outcome.panel.ids[row])}",
        description=_fan_words(outcome, row, times),
        x_ticks=time_ticks(times, across),
        y_ticks=number_ticks(up),
        paths=fan(past, quantiles.median[row], intervals, across, up),
        rules=(Rule(float(across(now)), "last observation"),),
        zones=_zones(outcome, row, across(np.arange(now, now + horizon + 1))),
        legend=_legend(outcome),
        height=320,
    )


def past_chart(outcome: Outcome, row: int) -> Figure | None:
    """The whole history in a low strip; None where the chart of the forecast shows all of it already."""
    values, shown = outcome.panel.values[row], _shown(outcome, row)
    if shown == len(values):
        return None
    across, up = Scale(0, len(values) - 1), value_scale([values])
    return Figure(
        title=f"All {len(values):,} observations of {visible(outcome.panel.ids[row])}",
        description="The whole history. The shaded end is the part shown in the chart of the forecast.",
        x_ticks=time_ticks(outcome.panel.times[row], across),
        y_ticks=(),
        paths=strip(values, len(values) - shown, across, up),
        height=64,
    )


def _shown(outcome: Outcome, row: int) -> int:
    return stretch(len(outcome.panel.values[row]), outcome.horizon, outcome.panel.season)


def _times_with_future(outcome: Outcome, row: int) -> NDArray[np.generic]:
    past = outcome.panel.times[row]
    return np.concatenate([past, outcome.panel.frequency.future(past[-1], outcome.horizon)])


def _legend(outcome: Outcome) -> tuple[Key, ...]:
    levels = listed([f"{level} %" for level in outcome.levels])
    band = Key("band", f"{levels} {'interval' if len(outcome.levels) == 1 else 'intervals'}", "area")
    return Key("truth", "observed"), Key("forecast", f"{outcome.model}, median"), *((band,) if outcome.levels else ())


def _zones(outcome: Outcome, row: int, ahead: Floats) -> tuple[Zone, ...]:
    if outcome.horizon > _MOST_ZONES:
        return ()
    heads, columns = zip(*forecast_columns(outcome, row), strict=True)
    tips = (
        "\n".join([time, *(f"{head}: {cell}" for head, cell in zip(heads[1:], cells, strict=True))])
        for time, *cells in zip(*columns, strict=True)
    )
    width = float(ahead[1] - ahead[0])
    return tuple(Zone(at - width / 2, width, tip) for at, tip in zip(ahead[1:].tolist(), tips, strict=True))


def _fan_words(outcome: Outcome, row: int, times: NDArray[np.generic]) -> str:
    median, last = outcome.quantiles.median[row], outcome.panel.values[row][-1]
    names = stamps(times[-outcome.horizon - 1 :])
    ahead = steps(outcome.horizon, outcome.panel.frequency.alias)
    return (
        f"After {number(last)} at {names[0]}, {outcome.model} forecasts {ahead}: "
        f"from {number(median[0])} at {names[1]} to {number(median[-1])} at {names[-1]}, "
        f"lowest {number(median.min())}, highest {number(median.max())}."
    )
