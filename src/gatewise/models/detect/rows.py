"""The rows that a detector reads: those of a table, and those that come after what is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...tables.options import NO_COVARIATES, ReadOptions
from ...tables.panel import Data, Frequency, Panel
from ...words import stamps
from ..forecast.history import Schema, steps_missing

LARGEST_VALUE = 1e100
"""Values that are judged, at most: the squares of larger ones are beyond what numbers can hold."""
LONGEST_GAP = 100_000
"""Missing rows between what was read and what comes, at most."""


def rows_of(
    frame: Data,
    read: ReadOptions | None,
    wanted: ReadOptions,
    pace: Frequency | None = None,
    schema: Schema | None = None,
) -> Panel:
    """The series of a table, in which what is missing is marked as made, and no note says that it was filled."""
    from ...tables.repair import FILLED
    from ...tables.supplied import panel_with_covariates

    if isinstance(frame, Panel):
        if read is not None:
            raise InputError("a Panel is read already", hint="give it without ReadOptions")
        return _checked(frame)
    wanted = replace(wanted if schema is None else schema.naming(wanted, frame), fill="previous")
    panel = panel_with_covariates(frame, wanted, NO_COVARIATES, horizon=1, pace=pace)
    return _checked(replace(panel, notes=tuple(note for note in panel.notes if FILLED["previous"] not in note)))


def _checked(panel: Panel) -> Panel:
    """The series. Raises InputError for a value that is too large."""
    for name, times, values in zip(panel.ids, panel.times, panel.values, strict=True):
        if len(large := np.flatnonzero(np.abs(values) > LARGEST_VALUE)):
            row = large[0]
            what = f"the value {values[row]:g} of series {name!r} at {stamps(times[row : row + 1])[0]} is too large"
            raise InputError(what, hint=f"give values up to {LARGEST_VALUE:g}")
    return panel


def following(panel: Panel, ends: Mapping[str, Any], most: int | None) -> Panel:
    """The rows, with missing ones before them where they do not come next.

    ends: the latest known time of each series. most: how many there may be, missing ones included. Raises InputError.
    """
    missing = [
        _missing(panel.frequency, name, ends[name], times) for name, times in zip(panel.ids, panel.times, strict=True)
    ]
    if most is not None and (rows := int(panel.lengths.sum()) + sum(missing)) > most:
        raise InputError(f"there are {rows:,} rows, missing ones included, and {most:,} may be", hint="give fewer")
    parts = [
        panel.frequency.future(ends[name], steps) if steps else times[:0]
        for name, steps, times in zip(panel.ids, missing, panel.times, strict=True)
    ]
    return replace(
        panel,
        times=tuple(np.concatenate([part, times]) for part, times in zip(parts, panel.times, strict=True)),
        values=tuple(
            np.concatenate([np.zeros(len(part)), values]) for part, values in zip(parts, panel.values, strict=True)
        ),
        made=tuple(
            np.concatenate([np.ones(len(part), np.bool_), made]) for part, made in zip(parts, panel.made, strict=True)
        ),
    )


def _missing(frequency: Frequency, name: str, end: Any, times: NDArray[np.generic]) -> int:
    """How many rows lie between the last known and the first that comes. Raises InputError where that is not later."""
    missing = steps_missing(name, end, times, frequency)
    if missing > LONGEST_GAP:
        what = f"{missing:,} rows of series {name!r} are missing before these"
        raise InputError(what, hint="fit a detector to the whole table")
    return missing


def ends_of(panel: Panel) -> dict[str, Any]:
    """The latest time of every series, by its name."""
    return {name: times[-1] for name, times in zip(panel.ids, panel.times, strict=True)}
