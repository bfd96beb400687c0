"""What every look behind the forecast of one series shares: its times in words, and its chart."""

from __future__ import annotations

import numpy as np

from ....errors import InputError
from ....inspect.page.chart import Chart, PredictionInterval
from ....tables.panel import Panel
from ....words import stamps
from ..results import Quantiles, central_levels

MOST_STEPS = 48
"""Steps ahead that are explained; of more, some in even distances."""
UNSEEN = "before the data"


class Ahead:
    """The steps ahead of a forecast that are explained.

    chosen: the one that is looked at first, counted from 0. explained: all of them, in order.
    """

    def __init__(self, horizon: int, step: int | None) -> None:
        """step: the chosen one, counted from 1; None for the first. Raises InputError for one that does not exist."""
        if step is not None and not 1 <= step <= horizon:
            raise InputError(f"there is no step {step} in the forecast", hint=f"there are 1 to {horizon}")
        self.chosen = 0 if step is None else step - 1
        even = np.linspace(0, horizon - 1, min(horizon, MOST_STEPS)).round().astype(int)
        self.explained = np.unique([*even, self.chosen])

    @property
    def first(self) -> int:
        """The position of the chosen step among those explained."""
        return self.explained.tolist().index(self.chosen)


def times_of(panel: Panel, length: int, horizon: int) -> tuple[list[str], list[str]]:
    """The times of the last observations of a panel's only series, and those of the steps ahead."""
    seen = panel.times[0][-length:]
    (ahead,) = panel.future(horizon)
    labels = labelled(np.concatenate((seen, ahead)))
    return labels[: len(seen)], labels[len(seen) :]


def labelled(times: np.ndarray) -> list[str]:
    """Time stamps, as months where they are."""
    if np.issubdtype(times.dtype, np.datetime64) and (times == times.astype("datetime64[M]")).all():
        return np.datetime_as_string(times, unit="M").tolist()
    return stamps(times)


def span(times: list[str]) -> str:
    """From the first to the last of those that are in the data."""
    times = [time for time in times if time != UNSEEN]
    if not times:
        return UNSEEN
    return times[0] if len(times) == 1 else f"{times[0]} to {times[-1]}"


def unit_of(panel: Panel) -> str:
    """What the values are called, "" where nobody says."""
    return "" if panel.target == "y" else panel.target


def chart(panel: Panel, forecast: Quantiles, seen: list[str], ahead: list[str], *, first: int, every: int) -> Chart:
    """The last observations of a panel's only series and their forecast. first, every: see `Chart`."""
    (median,) = forecast.median
    bounds = [
        PredictionInterval(level, *(side[0] for side in forecast.interval(level)))
        for level in central_levels(forecast.levels)
    ]
    observed = panel.values[0][-len(seen) :].astype(np.float32)
    return Chart(unit_of(panel) or panel.ids[0], (*seen, *ahead), observed, median, tuple(bounds), first, every)
