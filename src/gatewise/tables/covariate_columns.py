"""Columns of a table that are covariates: set apart before any other column has a role, read, and put on the steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import argument
from .columns import kinds_of_text, named_columns
from .context import Draft
from .covariates import Covariate, Covariates, Matrix
from .grid import Grid
from .numbers import Advice, missing, read_numbers
from .observations import Observations
from .options import ReadOptions
from .panel import Floats, Panel
from .regular import paced
from .table import Table, holds_numbers
from .times import Times

_LEAVE_OUT = f"correct the cell, or leave the column out of {argument('covariates')}"
_FOR_COVARIATES = Advice(_LEAVE_OUT, _LEAVE_OUT)

Columns = list[tuple[Covariate, Floats]]
"""Each with its values in the order of the rows."""


def set_apart(table: Table, names: Sequence[str]) -> tuple[Table, list[int]]:
    """The table in which these columns can be nothing else, and their positions; InputError for one that is missing."""
    positions = [named_columns(table, {"covariates": name})["covariates"] for name in names]
    if len(set(positions)) < len(positions):
        raise table.error("a column is named twice", hint=f"give each once in {argument('covariates')}")
    return replace(table, parts=table.parts | {*positions}), positions


def read_columns(table: Table, positions: Sequence[int], options: ReadOptions) -> Columns:
    """The columns of ``rows`` as numbers, or as codes of words where they hold text; an empty cell is a word too.

    A number that is missing is NaN. Raises InputError for other contents.
    """
    texts = [column for column in positions if table.is_text(column)]
    kinds = kinds_of_text(table, texts) if texts else {}
    return [_read(table, column, kinds.get(column) in ("text", "time"), options) for column in positions]


def _read(table: Table, column: int, is_text: bool, options: ReadOptions) -> tuple[Covariate, Floats]:
    name, cell = table.names[column], f"c{column}"
    if is_text:
        trimmed = f"CASE WHEN {missing(cell)} THEN '' ELSE trim({cell}) END"
        words, codes = np.unique(table.arrays([trimmed])[0].astype(str), return_inverse=True)
        return Covariate(name, tuple(words.tolist()), source=table.source), codes.astype(np.float64)
    if table.types[column] == "BOOLEAN":
        numbers = table.arrays([f"coalesce(CAST(CAST({cell} AS TINYINT) AS DOUBLE), 'nan'::DOUBLE)"])
    elif table.is_text(column) or holds_numbers(table.types[column]):
        numbers, _ = read_numbers(table, [column], options, _FOR_COVARIATES)
    else:
        what = f"the column holds {table.types[column]}, neither numbers nor words"
        raise table.error(what, column=column, hint=f"leave it out of {argument('covariates')}")
    return Covariate(name, source=table.source), numbers[0].astype(np.float64)


def with_columns(panel: Panel, draft: Draft, rows: Observations, columns: Columns) -> Panel:
    """The panel with these columns, on its steps and on those after them.

    rows: every row of the table that has a time, also where there is no target.
    """
    moved, _, grid, frequency = paced(replace(draft, notes=[]), rows)
    if frequency != panel.frequency:
        raise draft.table.error(
            f"with the rows that have no {panel.target or 'value'} the steps are {frequency.alias}, not "
            f"{panel.frequency.alias}",
            hint="let the rows to come go on at the steps of the others",
        )
    numbers = np.column_stack([values[moved.rows] for _, values in columns])
    starts = {draft.ids[code]: slice(at, at + length) for code, at, length in _series(moved)}
    values = [
        placed(grid, moved.times[starts[name]], times[0], numbers[starts[name]], len(times))
        for name, times in zip(panel.ids, panel.times, strict=True)
    ]
    series = "" if draft.roles.series is None else draft.table.names[draft.roles.series]
    return replace(panel, covariates=Covariates(tuple(column for column, _ in columns), tuple(values), series))


def placed(grid: Grid, times: Times, origin: object, numbers: Matrix, least: int) -> Matrix:
    """Values (N, C) of these times by the number of their step after the origin; what lies before it is left out."""
    first = np.array([origin]).astype("datetime64[ns]").view(np.int64) if _dated(origin) else np.array([origin])
    ticks, on = grid.ticks(times, np.repeat(first, len(times)))
    inside = on & (ticks >= 0)
    values = np.full((max(least, int(ticks[inside].max(initial=-1)) + 1), numbers.shape[1]), np.nan)
    values[ticks[inside]] = numbers[inside]
    return values


def _dated(origin: object) -> bool:
    return isinstance(origin, np.datetime64)


def _series(observed: Observations) -> list[tuple[int, int, int]]:
    """Code, place of the first observation, and number of those of each series."""
    codes = observed.codes[observed.starts]
    return list(zip(codes.tolist(), observed.starts.tolist(), observed.lengths.tolist(), strict=True))
