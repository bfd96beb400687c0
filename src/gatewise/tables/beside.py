"""Tables beside the data, that tell more of their series."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import argument
from ..words import count, few
from .columns import ID_NAMES, STRONG_ID_NAMES, TARGET_NAMES, TIME_NAMES, looks_like
from .compose import composed
from .covariate_columns import read_columns, set_apart
from .covariates import Covariates
from .frames import as_pandas, frame_table
from .options import ReadOptions
from .panel import Panel
from .reading import open_table
from .table import Table, database, quoted
from .times import Times


@contextmanager
def table_of(data: Any, options: ReadOptions, called: str, fewest: int = 2) -> Generator[Table]:
    """The table of a frame or file. called: what a frame is, in errors."""
    if isinstance(data, str | Path):
        with open_table(data, options, fewest=fewest) as table:
            yield table
    else:
        with database(called) as connection:
            yield frame_table(connection, as_pandas(data), called)


def shared_columns(data: Any, future: Any, options: ReadOptions) -> list[str]:
    """The columns that the data and the future share, but for times, names of series and targets."""
    settled = {name for text in (options.time, options.id, options.target) if text for name in (text, *text.split(","))}
    names = TIME_NAMES | STRONG_ID_NAMES | ID_NAMES | TARGET_NAMES
    with table_of(data, options, "the data") as table:
        present = set(table.names)
    with table_of(future, options, "the future", fewest=1) as table:
        free = [i for i, name in enumerate(table.names) if name in present and name not in settled]
        return [table.names[i] for i in free if not looks_like(table, i, names)]


def named_series(table: Table, column: int | None, panel: Panel) -> Times | None:
    """The position in the panel of each row's series, -1 for others; None where no column names it."""
    if column is None:
        return None
    names = table.arrays([f"coalesce(CAST(c{column} AS VARCHAR), '')"])[0].astype(str)
    places = {name: row for row, name in enumerate(panel.ids)}
    return np.array([places.get(name, -1) for name in names.tolist()], np.int64)


def with_static(panel: Panel, static: Any, options: ReadOptions, ahead: int) -> Panel:
    """The panel with columns that say of each series what it is, on all of its steps and so many after them.

    Raises InputError where a series has no row, or two.
    """
    with table_of(static, options, "the table of series") as table:
        table, options, _ = composed(table, options)
        series = _names_column(table, options, panel)
        others = [table.names[i] for i in range(len(table.names)) if i != series and i not in table.parts]
        table, beside = set_apart(table, others)
        table.keep([series, *beside])
        owners = named_series(table, series, panel)
        assert owners is not None
        place = _rows_of(table, series, owners, panel)
        columns = read_columns(table, beside, options)
    numbers = np.column_stack([values for _, values in columns])[place]
    values = tuple(
        np.tile(own, (length + ahead, 1)) for own, length in zip(numbers, panel.lengths.tolist(), strict=True)
    )
    made = Covariates(tuple(replace(column, role="static") for column, _ in columns), values, table.names[series])
    return replace(panel, covariates=panel.covariates.joined(made) if panel.covariates else made)


def _names_column(table: Table, options: ReadOptions, panel: Panel) -> int:
    """The column of the names of the series: as in the data, or the one of which the cells are such names."""
    known = [options.id, panel.covariates.series if panel.covariates else ""]
    name = next((name for name in known if name and name in table.names), None)
    if name is not None:
        return table.names.index(name)
    names = frozenset(panel.ids)
    shared: dict[int, int] = {}
    for column in range(len(table.names)):
        cells = table.connection.execute(f"SELECT CAST(c{column} AS VARCHAR) FROM {table.relation}").fetchall()
        shared[column] = len(names & {cell for (cell,) in cells})
    if most := max(shared.values()):
        return next(column for column, count in shared.items() if count == most)
    what = f"no column names the series, such as {few([repr(one) for one in panel.ids])}; the columns are "
    raise table.error(what + quoted(table.names), hint=f"name it with {argument('id')}, as in the data")


def _rows_of(table: Table, series: int, owners: Times, panel: Panel) -> Times:
    rows = np.bincount(owners[owners >= 0], minlength=len(panel))
    lacking = [panel.ids[row] for row in np.flatnonzero(rows == 0).tolist()]
    if lacking:
        what = f"{count(len(lacking), 'series has', 'series have')} no row: {few(lacking)}"
        raise table.error(what, column=series, hint="give one row for each series of the data")
    if (rows > 1).any():
        twice = int(np.argmax(rows > 1))
        row = int(np.flatnonzero(owners == twice)[1])
        raise table.error(f"series {panel.ids[twice]!r} has two rows", row=row, column=series, hint="give each once")
    return np.array([np.argmax(owners == row) for row in range(len(panel))], np.int64)


def columns_of(data: Any, options: ReadOptions) -> tuple[str, ...]:
    """The names of the columns of a frame or file."""
    with table_of(data, options, "the data") as table:
        return table.names
