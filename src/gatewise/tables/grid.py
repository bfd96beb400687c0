"""The points in time that a frequency allows, numbered from the first time of each series."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .frequency import fixed_step, is_monthly, stamp
from .panel import Frequency, offset_of
from .times import Times


class Grid(Protocol):
    """Numbers for times and times for numbers; ``origins`` is the first time of each one's series."""

    def ticks(self, times: Times, origins: Times) -> tuple[Times, NDArray[np.bool_]]:
        """The number of each time, and whether it lies on the grid at all."""
        ...

    def times(self, ticks: Times, origins: Times) -> Times:
        """The time of each number."""
        ...


@dataclass(frozen=True)
class Even(Grid):
    """Equal steps from the first time of each series on."""

    step: int

    def ticks(self, times: Times, origins: Times) -> tuple[Times, NDArray[np.bool_]]:
        """See `Grid`."""
        ticks, rest = np.divmod(times - origins, self.step)
        return ticks, rest == 0

    def times(self, ticks: Times, origins: Times) -> Times:
        """See `Grid`."""
        return origins + ticks * self.step


@dataclass(frozen=True)
class Ruled(Grid):
    """Every so many of the given points, such as month starts."""

    points: Times
    every: int

    def ticks(self, times: Times, origins: Times) -> tuple[Times, NDArray[np.bool_]]:
        """See `Grid`."""
        places = np.minimum(np.searchsorted(self.points, times), len(self.points) - 1)
        ticks, rest = np.divmod(places - np.searchsorted(self.points, origins), self.every)
        return ticks, (rest == 0) & (self.points[places] == times)

    def times(self, ticks: Times, origins: Times) -> Times:
        """See `Grid`."""
        return self.points[np.searchsorted(self.points, origins) + ticks * self.every]


def grid_of(frequency: Frequency, times: Times) -> Grid:
    """The grid that covers these times."""
    step = fixed_step(frequency)
    if step is not None:
        return Even(step)
    offset = offset_of(frequency.alias)
    first, last = stamp(int(times.min())), stamp(int(times.max()))
    # In the first year that nanoseconds can hold, the grid starts at the first time.
    with suppress(pd.errors.OutOfBoundsDatetime):
        first = offset.base.rollback(first)
    points = pd.date_range(first, max(first, last), freq=offset.base)
    return Ruled(points.to_numpy("datetime64[ns]").view(np.int64), offset.n)


def moved_to_month(times: Times, frequency: Frequency) -> Times | None:
    """Each time at the start or the end of its month, as the frequency has it; None where it has neither."""
    letter = is_monthly(frequency)
    if not letter:
        return None
    months = times.view("datetime64[ns]").astype("datetime64[M]")
    if letter == "S":
        days = months.astype("datetime64[D]")
    else:
        days = (months + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    return days.astype("datetime64[ns]").view(np.int64)
