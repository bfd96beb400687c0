"""Labelled sequences in a long table: one row a step, with columns for sequence and label. pandas reads the file."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError, argument
from .sequences import Columns, Floats, Labelled, read_frame

if TYPE_CHECKING:
    import pandas as pd

_PARQUET = b"PAR1"
_TIMES = ("time", "ds", "timestamp", "date", "datetime", "step", "t")


def read_table(path: str | Path, columns: Columns) -> Labelled:
    """The sequences of a CSV file (plain or gzip) or a Parquet file, in the order in which their ids first appear.

    All columns but those named are features. Raises InputError, naming file, row and column; rows of a CSV file are its
    lines, the header being line 1.
    """
    frame, first = _frame(Path(path))
    with _named(Path(path), first):
        return _labelled(frame, columns)


def read_steps(path: str | Path, id_column: str | None, time_column: str | None) -> list[Floats]:
    """The sequences (T, I) of such a file without labels; its rows are one sequence where no column tells them
    apart."""
    path = Path(path)
    frame, first = _frame(path)
    with _named(path, first):
        if id_column is None and time_column is None:
            return [read_frame(frame, None, None).steps]
        return list(read_frame(_timed(frame, time_column), id_column, time_column))


@contextmanager
def _named(path: Path, first: int) -> Generator[None]:
    """Errors that name the file, and count its rows from ``first``."""
    try:
        yield
    except InputError as error:
        where = error.where.removesuffix(" (counted from 0)")
        if where.startswith("row "):
            row, *rest = where.removeprefix("row ").split(",", 1)
            where = ",".join([f"row {int(row.removesuffix(' (counted from 0)')) + first}", *rest])
        raise InputError(error.what, where=f"{path}, {where}" if where else str(path), hint=error.hint) from None


def _frame(path: Path) -> tuple[pd.DataFrame, int]:
    """The table, and the number of its first row."""
    import pandas as pd

    with path.open("rb") as file:
        head = file.read(4)
    try:
        if head == _PARQUET:
            return pd.read_parquet(path), 0
        compression = "gzip" if head.startswith(b"\x1f\x8b") else None
        # as text, so that nothing is taken for a missing value, and the label 01 stays 01
        return pd.read_csv(path, dtype=str, keep_default_na=False, compression=compression, index_col=False), 2
    except (ValueError, OSError, EOFError, ImportError) as error:
        if isinstance(error, ModuleNotFoundError):
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(
            f"the file cannot be read as a table ({reason})", where=str(path), hint="give a .ts, CSV or Parquet file"
        ) from error


def _labelled(frame: pd.DataFrame, columns: Columns) -> Labelled:
    asked = {argument(name): column for name, column in columns._asdict().items() if column is not None}
    for name, column in asked.items():
        if column not in frame.columns:
            shown = ", ".join(repr(str(other)) for other in list(frame.columns)[:8])
            raise InputError(f"there is no column {column!r}; the columns are {shown}", hint=f"give {name} one of them")
    if len(set(asked.values())) < len(asked):
        raise InputError("one column is asked to be two things", hint=f"give {', '.join(asked)} different names")
    if columns.time_column is None and (times := [name for name in frame.columns if str(name).lower() in _TIMES]):
        hint = f"use {argument('time_column', str(times[0]))}, or rename it"
        raise InputError(f"the column {times[0]!r} looks like a time", hint=hint)
    if not len(frame):
        raise InputError("there are no rows of data")
    features = _timed(frame.drop(columns=columns.label), columns.time_column)
    sequences = read_frame(features, columns.id_column, columns.time_column)
    return Labelled(sequences, _labels(frame, columns))


def _timed(frame: pd.DataFrame, column: str | None) -> pd.DataFrame:
    """The table with times that are text turned into numbers or dates, so that 10 comes after 9."""
    import pandas as pd

    if column is None or column not in frame.columns or not pd.api.types.is_string_dtype(frame[column]):
        return frame
    text = frame[column]
    times = pd.Series(pd.to_numeric(text, errors="coerce"))
    if times.isna().any():
        times = pd.Series(pd.to_datetime(text, errors="coerce", format="ISO8601", utc=True))
    bad = np.flatnonzero(times.isna().to_numpy())
    if len(bad):
        what = f"{text.iloc[bad[0]]!r} is no time"
        where = f"row {bad[0]} (counted from 0), column {column!r}"
        raise InputError(what, where=where, hint="give numbers, or dates such as 2024-01-31 13:00")
    return frame.assign(**{column: times})


def _labels(frame: pd.DataFrame, columns: Columns) -> tuple[str, ...]:
    """One label for each sequence. Raises InputError where its rows disagree, or one is empty."""
    labels = frame[columns.label].astype(str)
    bad = np.flatnonzero((frame[columns.label].isna() | (labels == "")).to_numpy())
    if len(bad):
        raise InputError("the label is missing", where=f"row {bad[0]} (counted from 0), column {columns.label!r}")
    first = labels.groupby(frame[columns.id_column], sort=False).transform("first")
    bad = np.flatnonzero((labels != first).to_numpy())
    if len(bad):
        row = bad[0]
        what = f"the label is {labels.iloc[row]!r}, and was {first.iloc[row]!r} before in the same sequence"
        raise InputError(what, where=f"row {row} (counted from 0), column {columns.label!r}")
    return tuple(labels.groupby(frame[columns.id_column], sort=False).first())
