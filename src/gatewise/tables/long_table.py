"""Sequences in a table: one row a step, with columns that tell which sequence, which time and which label; or one row a
sequence, with a column for each step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import InputError, argument
from ..words import count
from .calendar import ambiguous, is_whole, read_times
from .columns import ROW_NAMES, TIME_NAMES, kinds_of_text, looks_like, named_columns, refuse_double_roles
from .numbers import Advice, read_numbers
from .options import DEFAULTS, ReadOptions
from .reading import open_table
from .sentinels import refuse_sentinels
from .sequences import Floats, LoadedSequences, read_frame
from .table import Table, holds_numbers, quoted
from .wide_rows import steps_of

_USED = ("time", "id", "encoding", "delimiter", "skip", "decimal", "missing")
_FOR_FEATURES = Advice("correct the cell, or leave out the column", "correct the cell, or leave out the sequence")


_LABEL, _ID = "label", "id"


def read_long_table(path: str | Path, options: ReadOptions = DEFAULTS, label: str | None = None) -> LoadedSequences:
    """The sequences of a CSV file (plain or gzip) or a Parquet file, in the order in which their ids first appear.

    All columns but those of the id, the time and the label are features. options: as for series, but those that are of
    series alone; by default the column of ids is called ``id``, and rows are in order. label: None for ``label``, if
    there is such a column. Where no id has two rows and all features are numbered alike, as t0 to t7, each row is a
    sequence and they are its steps; such a table needs no ids. Raises InputError, naming file, row (line of a text
    file, the header being line 1) and column, for whatever cannot be read without a guess.
    """
    _refuse_options(options)
    with open_table(path, options) as table, table.located():
        if label is None and _LABEL in table.names:
            label = _LABEL
        id = options.id or _ID
        steps = None if options.time is not None else steps_of(_features(table, (label, id)))
        if steps is not None and id == _ID and not any(name.strip() == _ID for name in table.names):
            id = None
        named = named_columns(table, {"label": label, "id": id, "time": options.time})
        refuse_double_roles(table, named)
        _refuse_unnamed_time(table, named)
        frame, notes = _frame(table, named, options)
        id, label, time = (table.names[named[role]] if role in named else None for role in ("id", "label", "time"))
        features = frame if label is None else frame.drop(columns=label)
        if steps is not None and (id is None or frame[id].is_unique):
            numbers = features if id is None else features.drop(columns=id)
            sequences = steps.sequences(numbers.to_numpy(np.float64), None if id is None else frame[id].to_numpy())
            notes = [*notes, steps.note(list(numbers))]
        else:
            sequences = read_frame(features, id, time)
        return LoadedSequences(sequences, None if label is None else _labels(frame, label, id), tuple(notes))


def _features(table: Table, others: Sequence[str | None]) -> list[str]:
    """The names of all columns but these and row numbers."""
    places = [i for i, name in enumerate(table.names) if name not in others]
    return [table.names[i] for i in places if not looks_like(table, i, ROW_NAMES)]


def read_steps(path: str | Path, options: ReadOptions = DEFAULTS) -> list[Floats]:
    """The sequences (T, I) of such a file without labels; its rows are one sequence where no column tells them
    apart. Raises as `read_long_table`."""
    _refuse_options(options)
    if options.time is not None and options.id is None:
        what = f"{argument('time')} is given without {argument('id')}"
        raise InputError(what, hint="name the column that tells the sequences apart")
    with open_table(path, options, fewest=1) as table, table.located():
        named = named_columns(table, {"id": options.id, "time": options.time})
        refuse_double_roles(table, named)
        frame, _ = _frame(table, named, options)
        if "id" not in named:
            return [read_frame(frame, None, None).steps]
        time = table.names[named["time"]] if "time" in named else None
        return list(read_frame(frame, table.names[named["id"]], time))


def _refuse_options(options: ReadOptions) -> None:
    for option in fields(options):
        if option.name not in _USED and getattr(options, option.name) != option.default:
            what = "it is for series, and this is a table of sequences"
            raise InputError(what, where=argument(option.name), hint="leave it out")


def _refuse_unnamed_time(table: Table, named: dict[str, int]) -> None:
    alike = [i for i in range(len(table.names)) if looks_like(table, i, TIME_NAMES)]
    if alike and "time" not in named and alike[0] not in named.values():
        name = table.names[alike[0]]
        hint = f"use {argument('time', name)}, or rename it"
        raise table.error(f"the column {name!r} looks like a time", hint=hint)


def _frame(table: Table, named: dict[str, int], options: ReadOptions) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Numbers for features and times, ids and labels as they are; and notes on what was inferred."""
    others = [i for i in range(len(table.names)) if i not in named.values()]
    features = [i for i in others if not looks_like(table, i, ROW_NAMES)]
    if not features:
        raise table.error(
            "there is no column of features", hint="give at least one column of numbers beside the others"
        )
    if not table.keep([*named.values(), *features]):
        raise table.error("there are no rows of data", hint="give a header and a row for each step")
    time = named.get("time")
    numeric = [*([time] if time is not None and _is_decimal(table, time) else []), *features]
    arrays, notes = read_numbers(_flags_as_numbers(table), numeric, options, _FOR_FEATURES)
    numbers = dict(zip(numeric, arrays, strict=True))
    own = {column: numbers[column] for column in features}
    _refuse_missing(table, own)
    refuse_sentinels(table, own, options)
    columns: dict[int, object] = {**numbers}
    for role in ("id", "label"):
        if role in named:
            columns[named[role]] = table.connection.execute(f"SELECT c{named[role]} AS cell FROM rows").df()["cell"]
    if time is not None and time not in columns:
        columns[time] = _times(table, time, columns[named["id"]])
    if len(features) < len(others):
        left = quoted([table.names[i] for i in others if i not in features])
        notes = [*notes, f"{count(len(others) - len(features), 'column')} of row numbers not used: {left}"]
    return pd.DataFrame({table.names[i]: columns[i] for i in sorted(columns)}), (*table.notes, *notes)


def _refuse_missing(table: Table, features: dict[int, Floats]) -> None:
    firsts = [(int(np.argmax(gaps)), column) for column, values in features.items() if (gaps := np.isnan(values)).any()]
    if firsts:
        row, column = min(firsts)
        raise table.error("the value is missing", row=row, column=column, hint="put it in, or leave out the sequence")


def _flags_as_numbers(table: Table) -> Table:
    """True is 1 and false is 0, as a feature."""
    return replace(table, types=tuple("TINYINT" if kind == "BOOLEAN" else kind for kind in table.types))


def _is_decimal(table: Table, column: int) -> bool:
    """Whether a column of times holds numbers that are not all whole."""
    if not table.is_text(column):
        return holds_numbers(table.types[column]) and "INT" not in table.types[column]
    numbers = kinds_of_text(table, [column]).get(column) in ("integer", "number")
    return numbers and not table.one(f"SELECT bool_and({is_whole(f'c{column}')}) FROM rows")[0]


def _times(table: Table, column: int, ids: object) -> pd.Series:
    """Times to sort by. Raises InputError where they can be read in several ways that sort the steps differently."""
    readings = [reading for reading in read_times(table, column) if reading.year]
    codes = pd.factorize(pd.Series(ids))[0]
    orders = [np.lexsort((reading.times, codes)) for reading in readings]
    if any(not np.array_equal(order, orders[0]) for order in orders[1:]):
        raise ambiguous(table, column, readings)
    times = readings[0].times
    return pd.Series(times.view("datetime64[ns]") if readings[0].calendar else times)


def _labels(frame: pd.DataFrame, label: str, id: str | None) -> tuple[str, ...]:
    """One label for each sequence, which is each row where there are no ids. Raises InputError where its rows disagree,
    or one is empty."""
    labels = frame[label].astype(str).str.strip()
    missing = np.flatnonzero((frame[label].isna() | (labels == "")).to_numpy())
    if len(missing):
        raise InputError("the label is missing", row=int(missing[0]), column=label)
    if id is None:
        return tuple(labels)
    first = labels.groupby(frame[id], sort=False).transform("first")
    different = np.flatnonzero((labels != first).to_numpy())
    if len(different):
        row = int(different[0])
        what = f"the label is {labels.iloc[row]!r}, and was {first.iloc[row]!r} before in the same sequence"
        raise InputError(what, row=row, column=label)
    return tuple(labels.groupby(frame[id], sort=False).first())
