"""The one shape in which series travel through the forecasting packages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.tseries.frequencies import to_offset

from ..errors import InputError
from .covariates import Covariates
from .options import Fill

Floats = NDArray[np.float64]
IdKind = Literal["text", "whole", "number"]


def offset_of(alias: str) -> pd.offsets.BaseOffset:
    """The offset of a pandas alias, or of one of ours for days and hours that are open.

    ``C-1111110`` are the days of the week, from Monday, that have a 1; ``CBH-1111100-9-17`` are the hours of such days
    that begin at 9 to 16.
    """
    match = re.fullmatch(r"(C|CBH)-([01]{7})(?:-(\d+)-(\d+))?", alias)
    if match is None:
        return to_offset(alias)
    if match[1] == "C":
        return pd.offsets.CustomBusinessDay(weekmask=match[2])
    start, end = f"{int(match[3]):02}:00", f"{int(match[4]) % 24:02}:00"
    return pd.offsets.CustomBusinessHour(weekmask=match[2], start=start, end=end)


@dataclass(frozen=True)
class Frequency:
    """The constant step between two observations.

    alias: a pandas offset alias such as ``"MS"``, ``"h"``, ``"W-SUN"``, or a whole number as text (``"1"``)
    for series whose time is a plain counter.
    """

    alias: str

    @property
    def counts(self) -> bool:
        """Whether time is a plain counter rather than a calendar."""
        return self.alias.lstrip("-").isdigit()

    def future(self, last: np.datetime64 | int, horizon: int) -> NDArray[np.generic]:
        """The ``horizon`` times after ``last``, shape (horizon,); InputError where calendar or counters end."""
        if self.counts:
            if not -(2**63) <= int(last) + int(self.alias) * horizon < 2**63:
                raise self._beyond(horizon, f"{2**63 - 1}, the last counter that there is")
            return np.asarray(last) + int(self.alias) * np.arange(1, horizon + 1)
        try:
            times = pd.date_range(last, periods=horizon + 1, freq=offset_of(self.alias))[1:].to_numpy()
        except (pd.errors.OutOfBoundsDatetime, pd.errors.OutOfBoundsTimedelta, OverflowError) as error:
            raise self._beyond(horizon, "the year 2262, the last that time stamps can hold") from error
        return times

    def until(self, last: np.datetime64 | int, count: int) -> NDArray[np.generic]:
        """The ``count`` times up to ``last``, which is one of them, shape (count,)."""
        if self.counts:
            return np.asarray(last) + int(self.alias) * np.arange(1 - count, 1)
        return pd.date_range(end=last, periods=count, freq=offset_of(self.alias)).to_numpy()

    def _beyond(self, horizon: int, end: str) -> InputError:
        return InputError(f"{horizon:,} steps of {self.alias} end beyond {end}", hint="shorten the horizon")


@dataclass(frozen=True)
class Panel:
    """S regular series of one frequency; no gaps, no repeats, every value finite.

    ids: S names. times: S arrays, datetime64[ns] (UTC, no zone) or int64. values: S float64 arrays.
    season: steps in one season, 1 for none. longer: those of longer seasons beside it, rising. assumed: whether the
    season is only the calendar's, and the data have not been asked for it. unshown: steps in the season of the calendar
    that they were asked for and do not show, 1 for none.
    notes: sentences about what was inferred or repaired.
    time, target: what the table it came from called these two columns; no target where each series had its own.
    id_kind: what the ids were in that table, where they are text here.
    made: S bool arrays, true where a value was not observed but put in by ``fill``; by default nowhere.
    fill: how missing values were filled, which a history that is cut off is filled by again.
    covariates: what else is known, on the same steps and beyond; a panel that is cut off keeps all of it.
    """

    ids: tuple[str, ...]
    times: tuple[NDArray[np.generic], ...]
    values: tuple[Floats, ...]
    frequency: Frequency
    season: int
    notes: tuple[str, ...] = ()
    time: str = "ds"
    target: str = "y"
    id_kind: IdKind = "text"
    made: tuple[NDArray[np.bool_], ...] = ()
    fill: Fill = "none"
    longer: tuple[int, ...] = ()
    assumed: bool = False
    unshown: int = 1
    covariates: Covariates | None = None

    def __post_init__(self) -> None:
        if len(self.made) != len(self.values):
            object.__setattr__(self, "made", tuple(np.zeros(len(values), np.bool_) for values in self.values))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Observations in each series, shape (S,)."""
        return np.array([len(values) for values in self.values])

    @property
    def observed(self) -> tuple[Floats, ...]:
        """S arrays of values, NaN where a value was made."""
        return tuple(
            np.where(made, np.nan, values) if made.any() else values
            for made, values in zip(self.made, self.values, strict=True)
        )

    def without_last(self, steps: int) -> Panel:
        """The panel as it was ``steps`` observations ago, see `first`."""
        return self.first(self.lengths - steps) if steps else self

    def until(self, time: np.generic) -> Panel:
        """The panel as it was at this time, see `first`."""
        return self.first(np.array([np.searchsorted(times, time, side="right") for times in self.times]))

    def first(self, lengths: NDArray[np.int64]) -> Panel:
        """The first so many observations of each series, without those series of which none is left.

        What was filled in is filled as it would have been then, from what lies before it.
        """
        panel, kept = self.select(np.flatnonzero(lengths > 0)), lengths[lengths > 0].tolist()
        times = tuple(one[:length] for one, length in zip(panel.times, kept, strict=True))
        values = tuple(one[:length] for one, length in zip(panel.values, kept, strict=True))
        made = tuple(one[:length] for one, length in zip(panel.made, kept, strict=True))
        if self.fill == "linear":
            values = tuple(map(_held, values, made))
        return replace(panel, times=times, values=values, made=made)

    def select(self, rows: Sequence[int] | NDArray[np.int64]) -> Panel:
        """The series at these positions, in this order."""
        return replace(
            self,
            ids=tuple(self.ids[row] for row in rows),
            times=tuple(self.times[row] for row in rows),
            values=tuple(self.values[row] for row in rows),
            made=tuple(self.made[row] for row in rows),
            covariates=self.covariates and self.covariates.select(rows),
        )

    @property
    def ends(self) -> NDArray[np.generic]:
        """The last time of each series, shape (S,)."""
        return np.array([times[-1] for times in self.times])

    def future(self, horizon: int) -> NDArray[np.generic]:
        """The times of the next ``horizon`` steps of each series, shape (S, horizon)."""
        ends, series = np.unique(self.ends, return_inverse=True)
        return np.stack([self.frequency.future(end, horizon) for end in ends])[series]


Data: TypeAlias = "pd.DataFrame | pd.Series | Panel | str | Path"
"""What users give: a table in memory, the path of one, or what was read of one."""


def _held(values: Floats, made: NDArray[np.bool_]) -> Floats:
    """The values with those made at the end, on a line to a value that came later, replaced by the last observed."""
    if not len(made) or not made[-1]:
        return values
    observed = len(made) - int(np.argmin(made[::-1]))
    return np.concatenate((values[:observed], np.full(len(values) - observed, values[observed - 1])))
