"""What reading a column of times comes to, and which century a year of two digits belongs to."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SECOND = 10**9  # nanoseconds
DAY = 86_400 * SECOND
_HOUR = 3600 * SECOND
_FORENOON = 21 * _HOUR // 2
_ROUND = [
    *(SECOND * seconds for seconds in (1, 5, 10, 15, 30)),
    *(60 * SECOND * minutes for minutes in (1, 2, 5, 10, 15, 20, 30)),
    *(_HOUR * hours for hours in (1, 2, 3, 6, 12, 24)),
]
_LITTLE = 0.05  # of a step
Times = NDArray[np.int64]
"""Nanoseconds since 1970 (UTC where the table says so, else as written), or a plain counter."""


@dataclass(frozen=True)
class Reading:
    """One way to understand a time column.

    words: what was assumed, empty where nothing was. times: shape (N,), in the order of the rows.
    calendar: False for a plain counter. name: what an option calls it, where there may be others.
    century: False where years of two digits have been put into 1969 to 2068. year: False where the cells have none, so
    that this reading is only a reason to doubt others.
    """

    words: str
    times: Times
    calendar: bool = True
    name: str = ""
    century: bool = True
    year: bool = True


def wall_times(times: Times, zone: str) -> Times:
    """What the clocks of a zone showed at these times in UTC; the times themselves where the zone is unknown here."""
    try:
        local = pd.DatetimeIndex(times.view("datetime64[ns]")).tz_localize("UTC").tz_convert(zone)
    except (KeyError, ValueError, LookupError):
        return times
    return local.tz_localize(None).to_numpy("datetime64[ns]").view(np.int64)


def days_of_a_place(times: Times) -> Times | None:
    """The days that begin at these times in UTC, of one place whose clocks are put forward and back by an hour.

    None where the times of day are not two, an hour apart.
    """
    clocks = np.unique(times % DAY)
    if len(clocks) != 2 or (clocks[1] - clocks[0]) % DAY not in (_HOUR, DAY - _HOUR):
        return None
    first = clocks[0] if clocks[1] - clocks[0] == _HOUR else clocks[1]
    shift = DAY - first if first > _FORENOON else 0  # to the west of Greenwich days begin in the forenoon of UTC
    return (times + shift) // DAY * DAY


def rounded(times: Times, steps: Times) -> tuple[Times, int] | None:
    """Times moved onto the round step nearest to most of their own, and how many; None where that is no rounding."""
    usual = float(np.median(steps))
    step = min(_ROUND, key=lambda step: abs(step - usual))
    if usual <= 0 or abs(step - usual) > _LITTLE * step:
        return None
    # Between two neighbours of a step, so that what lies a little before and after one lies together.
    phase = int(times[0] + np.median((times - times[0] + step // 2) % step - step // 2)) % step
    phase = phase if _LITTLE < phase / step < 1 - _LITTLE else 0
    moved = np.round((times - phase) / step).astype(np.int64) * step + phase
    return (moved, step) if (np.abs(moved - times) <= _LITTLE * step).all() else None


def in_centuries(reading: Reading) -> list[Reading]:
    """The reading with its years of two digits where they belong: together, and in no future.

    Several where the years to come may be meant or those a century ago; none where no century has all the days.
    """
    if reading.century:
        return [reading]
    months = reading.times.view("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    years = months // 12 + 1970
    first = _first_year(years)
    now = datetime.date.today().year
    start = first + 100 * ((now - first) // 100)  # the latest that is past
    last = start + int(((years - first) % 100).max())
    centuries = [start] if last <= now + 1 else [start, start - 100]
    moved = [(century, _moved(reading.times, months, century + (years - first) % 100)) for century in centuries]
    return [
        replace(reading, times=times, century=True, name=f"{reading.name} from {century}".strip())
        if len(centuries) > 1
        else replace(reading, times=times, century=True)
        for century, times in moved
        if times is not None
    ]


def _first_year(years: Times) -> int:
    """The first of the years of two digits, if they lie as close together as they can."""
    distinct = np.unique(years % 100)
    gaps = np.diff(np.append(distinct, distinct[0] + 100))
    return int(distinct[(int(np.argmax(gaps)) + 1) % len(distinct)])


def _moved(times: Times, months: Times, years: Times) -> Times | None:
    """The times in other years; None where a 29th of February has no place there."""
    starts = months.astype("datetime64[M]").astype("datetime64[ns]").view(np.int64)
    targets = (years - 1970) * 12 + months % 12
    moved = targets.astype("datetime64[M]").astype("datetime64[ns]").view(np.int64) + (times - starts)
    kept = moved.view("datetime64[ns]").astype("datetime64[M]").astype(np.int64) == targets
    return moved if kept.all() else None
