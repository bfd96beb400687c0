"""Periods that are left out of learning: shocks that will not come again, such as a closed year."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, argument
from ..words import count, few
from .panel import Floats, Panel

_HINT = "give FROM:TO, both included, such as 2020-03:2021-05 or 2020-03-16:2020-06-30, several with commas between"
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Period:
    """From one time to another, both included, of the kind that the panel's times are. text: as it was given."""

    text: str
    first: Any
    last: Any

    def holds(self, times: NDArray[np.generic]) -> Flags:
        """Which of these times lie in it."""
        return np.asarray((times >= self.first) & (times <= self.last))


def periods(text: str, *, counts: bool) -> list[Period]:
    """The periods that a text names. counts: whether times are counters. Raises InputError for what is none."""
    return [_period(part.strip(), counts=counts) for part in text.split(",")]


def _period(text: str, *, counts: bool) -> Period:
    colons = [place for place, letter in enumerate(text) if letter == ":"]
    for place in colons:  # a time of day holds colons too
        ends = [_span(word.strip(), counts=counts) for word in (text[:place], text[place + 1 :])]
        if ends[0] is not None and ends[1] is not None:
            first, last = ends[0][0], ends[1][1]
            if first > last:
                raise InputError(f"{text!r} ends before it begins", where=argument("ignore"), hint=_HINT)
            return Period(text, first, last)
    raise InputError(f"{text!r} is no period", where=argument("ignore"), hint=_HINT)


def _span(word: str, *, counts: bool) -> tuple[Any, Any] | None:
    """The first and the last moment of what a word names: a year, a month, a day, a time; None if it names nothing."""
    if counts:
        return (np.int64(word), np.int64(word)) if word.lstrip("-").isdigit() else None
    if not word[:4].isdigit():  # numpy reads words such as "now", too
        return None
    try:
        moment = np.datetime64(word)
    except ValueError:
        return None
    unit, _ = np.datetime_data(moment.dtype)
    end = (moment + np.timedelta64(1, unit)).astype("datetime64[ns]") - np.timedelta64(1, "ns")
    return moment.astype("datetime64[ns]"), end


def without(panel: Panel, text: str, *, some: bool) -> Panel:
    """The panel, which has no covariates yet, without what lies in these periods.

    A series begins after a period that holds its beginning. Elsewhere the value of one season before stands in, or the
    last one where there is none: nothing of it counts as observed, so that it is neither scored nor learned from by
    models that take gaps. some: whether every period has to hold some time. Raises InputError where one holds none,
    and where nothing is left of a series.
    """
    given = periods(text, counts=panel.frequency.counts)
    flags = [np.any([one.holds(times) for one in given], axis=0) for times in panel.times]
    total = sum(int(mask.sum()) for mask in flags)
    if some:
        _refuse_empty(panel, given)
    if not total:
        return panel
    _refuse_all(panel, flags)
    begins = [int(np.argmin(mask)) for mask in flags]
    cut = [slice(begin, None) for begin in begins]
    values = [one[part] for one, part in zip(panel.values, cut, strict=True)]
    masks = [one[part] for one, part in zip(flags, cut, strict=True)]
    words = f"{count(total, 'value')} left out, as asked: {few([one.text for one in given])}"
    return replace(
        panel,
        times=tuple(one[part] for one, part in zip(panel.times, cut, strict=True)),
        values=tuple(_replaced(one, mask, panel.season) for one, mask in zip(values, masks, strict=True)),
        made=tuple(one[part] | mask for one, part, mask in zip(panel.made, cut, masks, strict=True)),
        notes=(*panel.notes, words),
    )


def _refuse_empty(panel: Panel, given: list[Period]) -> None:
    """InputError for a period that holds no time of any series."""
    for one in given:
        if not any(one.holds(times).any() for times in panel.times):
            raise InputError(f"no time lies in {one.text!r}", where=argument("ignore"), hint=_HINT)


def _refuse_all(panel: Panel, flags: list[Flags]) -> None:
    """InputError for a series of which nothing is left."""
    for name, mask in zip(panel.ids, flags, strict=True):
        if mask.all():
            raise InputError(f"nothing is left of series {name!r}", where=argument("ignore"), hint="leave less out")


def _replaced(values: Floats, flags: Flags, season: int) -> Floats:
    replaced = values.copy()
    for place in np.flatnonzero(flags).tolist():
        replaced[place] = replaced[place - season if place >= season else place - 1]
    return replaced
