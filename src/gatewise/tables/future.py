"""What a table says of covariates after the end of the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, argument
from .beside import named_series, table_of
from .calendar import ambiguous, read_times
from .columns import find_time, named_columns
from .compose import composed
from .covariate_columns import Columns, read_columns, set_apart
from .covariates import Covariate, Covariates, Matrix, longer, recoded
from .grid import grid_of, moved_to_month
from .options import ReadOptions
from .panel import Floats, Panel
from .table import Table, quoted
from .times import Times


def with_future(panel: Panel, future: Any, options: ReadOptions, names: Sequence[str]) -> Panel:
    """The panel with what a table says of its covariates after its end, and wherever the panel says nothing.

    names: those that may be in it. A table without a column of names of series is that of every series.
    """
    covariates = panel.covariates
    assert covariates is not None
    with table_of(future, options, "the future", fewest=1) as table:
        here = [name for name in names if name in table.names]
        if not here:
            what = f"there is none of the covariates {quoted(names)}; the columns are {quoted(table.names)}"
            raise table.error(what, hint=f"name its columns as in the data, or others in {argument('covariates')}")
        table, beside = set_apart(table, here)
        table, options, _ = composed(table, options)
        series = _series_column(table, options, covariates.series)
        time = _time_column(table, options, panel)
        table.keep([time, *beside, *([] if series is None else [series])])
        columns = read_columns(table, beside, options)
        owners = named_series(table, series, panel)
        rows = _rows(table, owners, len(panel))
        places = [Places(*both) for both in zip(rows, _ticks(table, time, rows, panel, options), strict=True)]
        return replace(panel, covariates=_merged(covariates, columns, places, panel.lengths.tolist()))


class Places(NamedTuple):
    """Of one series the rows of the table, and the number of the step of each."""

    rows: Times
    ticks: Times


def _series_column(table: Table, options: ReadOptions, name: str) -> int | None:
    if options.id is not None and options.id in table.names:
        return table.names.index(options.id)
    return table.names.index(name) if name and name in table.names else None


def _time_column(table: Table, options: ReadOptions, panel: Panel) -> int:
    name = next((name for name in (options.time, panel.time) if name in table.names), None)
    return find_time(table) if name is None else named_columns(table, {"time": name})["time"]


def _rows(table: Table, owners: Times | None, series: int) -> list[Times]:
    """The rows of each series."""
    if owners is None:
        every = np.arange(table.one("SELECT count(*) FROM rows")[0])
        return [every] * series
    return [np.flatnonzero(owners == row) for row in range(series)]


def _ticks(table: Table, time: int, rows: Sequence[Times], panel: Panel, options: ReadOptions) -> list[Times]:
    """For each series the number of every row's step after its first; -1 for what lies before it.

    Of several readings of the times the one counts in which most go on where the series end.
    """
    readings = read_times(table, time, counts=panel.frequency.counts, dates=options.dates)
    found = [_placed(panel, reading.times, rows) for reading in readings if reading.year]
    fits = [_fit(one, panel.lengths.tolist()) for one in found]
    best = [number for number, fit in enumerate(fits) if fit == max(fits)]
    if len(best) > 1 and any(
        not np.array_equal(a, b) for (a, _), (b, _) in zip(found[best[0]], found[best[1]], strict=True)
    ):
        raise ambiguous(table, time, readings)
    for (_, on), own in zip(found[best[0]], rows, strict=True):
        if not on.all():
            row = int(own[np.argmin(on)])
            what = f"the time {table.cell(row, time)!r} does not lie on the steps of {panel.frequency.alias}"
            raise table.error(what, row=row, column=time, hint="give the future at the steps of the data")
    return [ticks for ticks, _ in found[best[0]]]


def _fit(placed: Sequence[tuple[Times, NDArray[np.bool_]]], lengths: Sequence[int]) -> tuple[int, int]:
    """How many rows follow the end of a series without a gap, and how many lie on its steps at all."""
    following = 0
    for (ticks, on), length in zip(placed, lengths, strict=True):
        ahead = np.unique(ticks[on]) - length
        ahead = ahead[ahead >= 0]
        following += int((ahead == np.arange(len(ahead))).sum())
    return following, sum(int(on.sum()) for _, on in placed)


def _placed(panel: Panel, times: Times, rows: Sequence[Times]) -> list[tuple[Times, NDArray[np.bool_]]]:
    firsts = np.array([_number(one[0]) for one in panel.times], np.int64)
    if panel.frequency.alias[-1:] in "SE":  # months, which may stand as any of their days
        moved = moved_to_month(times, panel.frequency)
        times = times if moved is None else moved
    grid = grid_of(panel.frequency, np.concatenate((firsts, times)))
    return [grid.ticks(times[own], np.full(len(own), first)) for own, first in zip(rows, firsts, strict=True)]


def _number(time: Any) -> int:
    return int(np.asarray(time, "datetime64[ns]").astype(np.int64)) if isinstance(time, np.datetime64) else int(time)


def _merged(covariates: Covariates, columns: Columns, places: Sequence[Places], lengths: Sequence[int]) -> Covariates:
    """With the columns' values after the ends of the series, and before wherever there is none yet."""
    for column, numbers in columns:
        covariates = covariates if column.name in covariates.names else _with_empty(covariates, column)
        at = covariates.names.index(column.name)
        mine = covariates.columns[at]
        if bool(mine.words) != bool(column.words):
            holds = ("words", "numbers") if column.words else ("numbers", "words")
            what = f"the covariate {column.name!r} holds {holds[0]} here and {holds[1]} in the data"
            raise InputError(what, where=column.source, hint="write it in the same way in both")
        codes, words = recoded(numbers[:, None], column.words, mine.words) if column.words else (numbers[:, None], ())
        values = [
            _filled(matrix, at, place.ticks, codes[place.rows, 0], length)
            for matrix, place, length in zip(covariates.values, places, lengths, strict=True)
        ]
        changed = replace(mine, words=words, source=column.source)
        columns_now = (*covariates.columns[:at], changed, *covariates.columns[at + 1 :])
        covariates = replace(covariates, columns=columns_now, values=tuple(values))
    return covariates


def _with_empty(covariates: Covariates, column: Covariate) -> Covariates:
    empty = tuple(np.full((len(matrix), 1), np.nan) for matrix in covariates.values)
    return replace(
        covariates,
        columns=(*covariates.columns, column),
        values=tuple(np.hstack(both) for both in zip(covariates.values, empty, strict=True)),
    )


def _filled(matrix: Matrix, column: int, ticks: Times, numbers: Floats, length: int) -> Matrix:
    inside = ticks >= 0
    values = longer(matrix, int(ticks.max(initial=-1)) + 1).copy()
    own = values[:, column]
    fresh = np.full(len(own), np.nan)
    fresh[ticks[inside]] = numbers[inside]
    empty = np.isnan(own) | (~np.isnan(fresh) & (np.arange(len(own)) >= length))
    values[:, column] = np.where(empty, fresh, own)
    return values
