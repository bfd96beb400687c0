"""From a table to a panel: whatever is sorted, merged or filled on the way is listed in the panel's notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError, argument
from ..words import count
from .calendar import read_times
from .columns import Roles, find_roles
from .compose import composed
from .context import Draft
from .covariate_columns import read_columns, set_apart, with_columns
from .frames import as_pandas, frame_table
from .ignored import without
from .numbers import read_numbers
from .observations import Observations
from .options import DEFAULTS, ReadOptions
from .panel import Floats, Frequency, IdKind, Panel
from .regular import paced, season, the_regular
from .repair import complete, in_time, known, unique
from .sentinels import refuse_sentinels
from .table import Table, database, holds_numbers, quoted
from .times import Times
from .totals import without_total_rows, without_total_series
from .turned import turned

T = TypeVar("T", bound=np.generic)


def panel_from_frame(
    frame: pd.DataFrame | Any,
    options: ReadOptions = DEFAULTS,
    source: str = "the data frame",
    *,
    pace: Frequency | None = None,
    covariates: Sequence[str] = (),
) -> Panel:
    """The series of a data frame (pandas, or polars and pyarrow where narwhals is installed).

    The columns may be ``unique_id, ds, y``, or others that the options name or that can be told apart; a column of
    times followed by several of numbers holds one series in each. Raises InputError, naming ``source``, row and
    column, for whatever is not a regular, finite, complete series and is not repaired by an option, and for an option
    that only a file can follow. pace: the frequency, where the rows go on from others of which it is known.
    covariates: names of columns that are read beside the target.
    """
    for name in ("encoding", "delimiter", "skip"):
        if getattr(options, name) is not None:
            raise InputError("only a file can be read with it", where=argument(name), hint="leave it out")
    with database(source) as connection:
        return panel_from_table(frame_table(connection, as_pandas(frame), source), options, pace, covariates)


def panel_from_table(
    table: Table, options: ReadOptions, pace: Frequency | None = None, covariates: Sequence[str] = ()
) -> Panel:
    """The series of a table. pace, covariates: as of `panel_from_frame`."""
    table, beside = set_apart(table, covariates)
    panel = regular_panel(*drafted(table, options, pace, beside), beside)
    # Of a part of a table, whose pace is known, nobody can tell what the others are.
    return without_total_series(panel) if pace is None else panel


def drafted(
    table: Table, options: ReadOptions, pace: Frequency | None = None, beside: Sequence[int] = ()
) -> tuple[Draft, Observations]:
    """What the cells of a table say, in the order of its rows. beside: columns that are kept for later."""
    table, options = turned(without_total_rows(table), options)
    _check_rows(table, known=(options.frequency or pace) is not None)
    table, options, kinds = composed(table, options)
    roles = find_roles(table, options, kinds)
    table.keep([*roles.used, *beside])
    values, number_notes = read_numbers(table, roles.targets, options)
    if pace is None:  # what only goes on is judged by what it goes on from
        refuse_sentinels(table, dict(zip(roles.targets, values, strict=True)), options)
    ids, codes = _series(table, roles)
    readings = read_times(table, roles.time, counts=_counts(options, pace), dates=options.dates)
    notes = [*table.notes, *_column_notes(table, roles), *number_notes]
    draft = Draft(table, roles, options, ids, readings[0].calendar, notes, pace)
    flat = [(reading, _flat(codes, reading.times, values)) for reading in readings]
    reading, observed = the_regular(draft, flat)
    draft = replace(draft, calendar=reading.calendar)
    if reading.words:
        notes.append(reading.words)
    return draft, observed


def regular_panel(draft: Draft, observed: Observations, beside: Sequence[int] = ()) -> Panel:
    """The series, once they are in order, without repeats and gaps, with the columns beside them.

    InputError where an option does not allow it.
    """
    rows = unique(draft, in_time(draft, observed))
    observed, ticks, grid, frequency = paced(draft, known(draft, rows))
    panel = _panel(draft, complete(draft, observed, ticks, grid, frequency), frequency)
    if draft.options.ignore:
        panel = without(panel, draft.options.ignore, some=draft.pace is None)
    columns = read_columns(draft.table, beside, draft.options) if beside else []
    if draft.pace is None:
        numbers = {place: values for place, (one, values) in zip(beside, columns, strict=True) if not one.words}
        refuse_sentinels(draft.table, numbers, draft.options)
    return with_columns(panel, draft, rows, columns) if columns else panel


def _counts(options: ReadOptions, pace: Frequency | None) -> bool | None:
    """Whether times are plain counters, where the frequency that is known or asked for says so."""
    if pace is not None:
        return pace.counts
    return None if options.frequency is None else options.frequency.strip().isdigit()


def _check_rows(table: Table, *, known: bool) -> None:
    """InputError where there are too few rows. known: whether the frequency is, so that one row is enough."""
    rows = table.one(f"SELECT count(*) FROM (SELECT 1 FROM {table.relation} LIMIT 2)")[0]
    if rows == 0:
        raise InputError("there are no rows of data", where=table.source, hint="give a header and at least two rows")
    if rows == 1 and not known:
        raise InputError(
            "there is only one row of data", where=table.source, hint="a forecast needs a history of at least two"
        )


def _series(table: Table, roles: Roles) -> tuple[tuple[str, ...], Times]:
    """The names in order of appearance, and for each row the position of its name."""
    if roles.series is None:
        return tuple(table.names[target] for target in roles.targets), np.zeros(0, np.int64)
    name = f"CAST(c{roles.series} AS VARCHAR)"
    row = table.first(f"{name} IS NULL")
    if row is not None:
        hint = f"put it in, or name another column with {argument('id')}"
        raise table.error("the name of the series is missing", row=row, column=roles.series, hint=hint)
    table.connection.execute("DROP TYPE IF EXISTS series")  # of a reading of more rows, see `sound`
    table.connection.execute(f"CREATE TYPE series AS ENUM (SELECT {name} FROM rows GROUP BY 1 ORDER BY min(rowid))")
    ids = table.one("SELECT enum_range(NULL::series)")[0]
    return tuple(ids), table.arrays([f"enum_code(CAST({name} AS series))"])[0].astype(np.int64)


def _flat(codes: Times, times: Times, values: list[Floats]) -> Observations:
    """One observation for each row and target; every target of a wide table is a series."""
    rows, width = np.arange(len(times)), len(values)
    if len(codes):
        return Observations(codes, times, values[0], rows)
    codes = np.repeat(np.arange(width), len(times))
    return Observations(codes, np.tile(times, width), np.concatenate(values), np.tile(rows, width))


def _column_notes(table: Table, roles: Roles) -> list[str]:
    time = f"time column {table.names[roles.time]!r}"
    if roles.wide:
        notes = [f"{time}, {len(roles.targets)} series, one in each column"]
    else:
        series = "" if roles.series is None else f", series column {table.names[roles.series]!r}"
        notes = [f"{time}, target {table.names[roles.targets[0]]!r}{series}"]
    if roles.unused:
        names = [table.names[i] for i in roles.unused]
        notes.append(f"{count(len(names), 'column')} not used: {quoted(names)}")
    return notes


def _panel(draft: Draft, observed: Observations, frequency: Frequency) -> Panel:
    steps = season(draft, observed, frequency)
    _note_constant(draft, observed)
    starts = observed.starts
    times = observed.times.view("datetime64[ns]") if draft.calendar else observed.times
    return Panel(
        ids=tuple(draft.ids[code] for code in observed.codes[starts].tolist()),
        times=_cut(times, starts),
        values=_cut(observed.values, starts),
        frequency=frequency,
        season=steps,
        notes=tuple(draft.notes),
        time=draft.table.names[draft.roles.time],
        target="" if draft.roles.wide else draft.table.names[draft.roles.targets[0]],
        made=_cut(observed.rows < 0, starts),
        fill=draft.options.fill,
        longer=(draft.options.seasons or ())[1:],
        assumed=draft.options.season is None,
        id_kind="text" if draft.roles.series is None else _id_kind(draft.table.types[draft.roles.series]),
    )


def _cut(values: NDArray[T], starts: Times) -> tuple[NDArray[T], ...]:
    """The stretches that begin at these places, each up to the next."""
    ends = [*starts[1:].tolist(), len(values)]
    return tuple(values[start:end] for start, end in zip(starts.tolist(), ends, strict=True))


def _id_kind(kind: str) -> IdKind:
    """What ids of a column of this DuckDB type are."""
    if not holds_numbers(kind):
        return "text"
    return "whole" if "INT" in kind else "number" if kind == "DOUBLE" else "text"


def _note_constant(draft: Draft, observed: Observations) -> None:
    low, high = (ends.reduceat(observed.values, observed.starts) for ends in (np.minimum, np.maximum))
    flat = observed.starts[(low == high) & (observed.lengths > 1)]
    if len(flat):
        names = [draft.ids[code] for code in observed.codes[flat].tolist()]
        draft.notes.append(f"{count(len(flat), 'constant series', 'constant series')}: {quoted(names)}")
