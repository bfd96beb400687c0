"""Sequences in a pandas frame: one row a step, told apart by a column of ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .sequences import Floats, Sequences, Whole, check_finite

if TYPE_CHECKING:
    import pandas as pd

DEEPEST = 8
"""Names shown of a long list."""


def read_frame(frame: pd.DataFrame, id_column: Any, time_column: Any) -> Sequences:
    """The sequences of a long frame, in the order in which their ids first appear.

    id_column: tells the sequences apart; None for a frame in which each row is a sequence of one step.
    time_column: their steps are sorted by it; None if rows are in order. All other columns are features.
    Raises InputError that names row and column.
    """
    _check_columns(frame, id_column, time_column)
    kept = [name for name in frame.columns if name not in (id_column, time_column) or name is None]
    named = all(isinstance(name, str) for name in kept)
    values = _values(frame, kept)
    if not len(frame) or not kept:
        raise InputError(f"found array with {len(frame)} sample(s) and {len(kept)} feature(s)", where="the frame")
    if id_column is None:
        ids, codes = None, np.arange(len(frame))
    else:
        ids, codes = _codes(frame, id_column)
    order = _order(frame, codes, time_column)
    lengths = np.bincount(codes).astype(np.int64)
    found = Sequences(values[order], lengths, ids, tuple(map(str, kept)) if named else None)
    starts = found.starts
    return check_finite(
        found, lambda sequence, step, at: f"row {order[starts[sequence] + step]} (counted from 0), column {kept[at]!r}"
    )


def _check_columns(frame: pd.DataFrame, id_column: Any, time_column: Any) -> None:
    columns = list(frame.columns)
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise InputError(f"two columns are named {twice!r}", where="the frame", hint="rename one of them")
    for option, name in (("id_column", id_column), ("time_column", time_column)):
        if name is not None and name not in columns:
            shown = ", ".join(repr(other) for other in columns[:DEEPEST])
            raise InputError(f"there is no column {name!r}; the columns are {shown}", where=option)
    if time_column is not None and id_column is None:
        raise InputError("time_column is given without id_column", hint="say which column tells the sequences apart")


def _values(frame: pd.DataFrame, kept: list[Any]) -> Floats:
    import pandas as pd

    columns: list[Floats] = []
    for name in kept:
        column = frame[name]
        if not (pd.api.types.is_numeric_dtype(column) or column.dtype == object):
            what = f"it holds {column.dtype}, not numbers"
            hint = "name it with id_column or time_column, or leave it out"
            raise InputError(what, where=f"column {name!r}", hint=hint)
        numbers = pd.Series(pd.to_numeric(column, errors="coerce"))
        bad = np.flatnonzero((numbers.isna() & column.notna()).to_numpy())
        if len(bad):
            where = f"row {bad[0]} (counted from 0), column {name!r}"
            raise InputError(f"{column.iloc[bad[0]]!r} is no number: argument must be a number", where=where)
        columns.append(numbers.to_numpy(np.float64, na_value=np.nan))
    return np.stack(columns, axis=1) if columns else np.zeros((len(frame), 0))


def _codes(frame: pd.DataFrame, id_column: Any) -> tuple[Any, Whole]:
    import pandas as pd

    codes, ids = pd.factorize(frame[id_column])
    bad = np.flatnonzero(codes < 0)
    if len(bad):
        raise InputError("the id is missing", where=f"row {bad[0]} (counted from 0), column {id_column!r}")
    return np.asarray(ids), codes.astype(np.int64)


def _order(frame: pd.DataFrame, codes: Whole, time_column: Any) -> Whole:
    """Rows sorted by sequence, then by time; InputError where a sequence has two rows of one time."""
    if time_column is None:
        return np.argsort(codes, kind="stable")
    times = frame[time_column]
    bad = np.flatnonzero(times.isna().to_numpy())
    if len(bad):
        raise InputError("the time is missing", where=f"row {bad[0]} (counted from 0), column {time_column!r}")
    ranks = times.rank(method="dense").to_numpy()
    order = np.lexsort((ranks, codes))
    same = (np.diff(codes[order]) == 0) & (np.diff(ranks[order]) == 0)
    if same.any():
        row = order[1:][same][0]
        what = f"the time {times.iloc[row]} is there twice in one sequence"
        raise InputError(what, where=f"row {row} (counted from 0), column {time_column!r}")
    return order
