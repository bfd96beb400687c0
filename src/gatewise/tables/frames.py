"""From a data frame in memory to a table inside DuckDB."""

from __future__ import annotations

from typing import Any

import pandas as pd
from duckdb import DuckDBPyConnection

from ..errors import InputError
from .table import Table

UNNAMED = "y"
"""What the numbers of a Series are called that has no name."""
MOST_COLUMNS = 20_000
"""What DuckDB plans in seconds; a table of more is taken for a mistake, or meant to take for ever."""


def frame_table(connection: DuckDBPyConnection, frame: pd.DataFrame, source: str) -> Table:
    """The frame, with an index of times or a named one as its first columns, as the relation ``cells``.

    Raises InputError where two columns have one name.
    """
    frame = _with_index(frame)
    if not len(frame.columns):
        raise InputError("the table has no columns", where=source, hint="give a column of times and one of numbers")
    names = tuple(str(name) for name in frame.columns)
    check_names(names, source)
    plain = pd.DataFrame({f"c{i}": _plain(frame.iloc[:, i]) for i in range(len(names))}, copy=False)
    connection.register("frame", plain)
    selected = ", ".join(_unified(f"c{i}", kind) for i, kind in enumerate(connection.table("frame").types))
    connection.execute(f"CREATE TEMP VIEW cells AS SELECT {selected} FROM frame")
    types = tuple(str(kind) for kind in connection.table("cells").types)
    return Table(connection, source, names, types, lambda row: f"row {row} (counted from 0)", origin=plain)


def check_names(names: tuple[str, ...], where: str) -> None:
    """InputError where two columns have one name, or where there are more than can be read in reasonable time."""
    if len(names) > MOST_COLUMNS:
        what = f"there are {len(names):,} columns, more than {MOST_COLUMNS:,}"
        raise InputError(what, where=where, hint="give a table of fewer columns, or one row for each series and time")
    places: dict[str, int] = {}
    for i, name in enumerate(names):
        if name in places:
            called = f"are named {name!r}" if name else "have no name"
            raise InputError(f"columns {places[name] + 1} and {i + 1} {called}", where=where, hint="rename one of them")
        places[name] = i


def as_pandas(frame: Any) -> pd.DataFrame:
    """A pandas frame out of one of pandas, polars, pyarrow or another that narwhals knows, or out of a pandas Series,
    which is a column; else InputError."""
    if isinstance(frame, pd.DataFrame):
        return frame
    if isinstance(frame, pd.Series):
        return frame.to_frame(UNNAMED if frame.name is None else frame.name)
    try:
        import narwhals

        return narwhals.from_native(frame, eager_only=True).to_pandas()
    except (ImportError, TypeError) as error:
        raise InputError(
            f"{type(frame).__name__} is not a data frame",
            hint="give a pandas, polars or pyarrow table, a pandas Series whose index is times, or the path of a file",
        ) from error


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    index = frame.index
    tells = isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex, pd.MultiIndex)) or index.name is not None
    if not tells:
        return frame
    repeated = [level for level, name in enumerate(index.names) if _is_column(frame, level, name)]
    rest = frame.reset_index(level=repeated, drop=True) if repeated else frame
    # Names that are left twice are refused by name, and so is an index that differs from the column of its name.
    return rest if len(repeated) == index.nlevels else rest.reset_index(allow_duplicates=True)


def _is_column(frame: pd.DataFrame, level: int, name: Any) -> bool:
    """Whether a level of the index says again what the column of its name says, as after set_index(drop=False)."""
    if name is None or list(frame.columns).count(name) != 1:
        return False
    return frame.index.get_level_values(level).equals(pd.Index(frame[name]))


def _plain(column: pd.Series) -> pd.Series:
    """The column in a type that DuckDB takes; objects become numbers where all are, else text."""
    column = column.reset_index(drop=True)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.dtype.categories.dtype)
    if isinstance(column.dtype, pd.PeriodDtype):
        return column.dt.to_timestamp()
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        local = column.dt.tz_localize(None)
        # Midnights of one place are dates; in UTC the change to summer time would make their steps unequal.
        return local if (local - local.dt.normalize()).nunique() == 1 and _is_local(column, local) else column
    if column.dtype != object:
        return column
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in ("string", "empty"):
        return column
    if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
        return pd.Series(pd.to_numeric(column))
    return column.where(column.isna(), column.astype(str))


def _is_local(column: pd.Series, local: pd.Series) -> bool:
    """Whether the times are midnights of their place, or of one hour there that is not always the same in UTC."""
    offsets = local - column.dt.tz_convert("UTC").dt.tz_localize(None)
    return local.equals(local.dt.normalize()) or offsets.nunique() > 1


def _unified(name: str, kind: object) -> str:
    """SQL: one type for all text."""
    return f"CAST({name} AS VARCHAR) AS {name}" if str(kind).startswith("ENUM") else name
