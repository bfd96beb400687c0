"""What the questions about tables share: a table of series in JSON, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import fields
from ...errors import InputError
from ..shapes import FINITE, TEXT, Body, Shape, either, listed, one_of, table

if TYPE_CHECKING:
    import pandas as pd

    from ...models.forecast.history import Schema

_CELL = either(FINITE, Shape(fields.nothing, {"type": "null"}), TEXT)
COLUMNS, ROWS = table(listed(_CELL)), listed(table(_CELL), 1)
"""A table in JSON, in either way."""
READ = {
    "time": TEXT,
    "target": TEXT,
    "id": TEXT,
    "frequency": TEXT,
    "duplicates": one_of("refuse", "mean", "last"),
    "decimal": one_of(".", ","),
    "missing": TEXT,
}
"""How any table is read."""


def shapes_of_tables(read: Mapping[str, Shape]) -> dict[str, Shape]:
    """The fields of a body that hold a table. read: the options that it may be read with."""
    return {
        "columns": COLUMNS.about("Columns by their names, all of one length"),
        "rows": ROWS.about("The same table row by row, in place of columns"),
        "read": Body(read).shape.about("How the table is read; what is left out is inferred"),
    }


def frame_of(asked: Mapping[str, Any]) -> pd.DataFrame:
    """The table of a body. Raises InputError."""
    columns, rows = asked.get("columns"), asked.get("rows")
    if (columns is None) == (rows is None):
        raise InputError("give the table as columns, or as rows", hint="one of them")
    return frame_under(rows if columns is None else columns, "columns")


def frame_under(content: Any, where: str) -> pd.DataFrame:
    """Columns or rows as a frame. where: the field that holds them. Raises InputError."""
    import pandas as pd

    if isinstance(content, dict) and len({len(column) for column in content.values()}) > 1:
        raise InputError("the columns are of different lengths", where=where)
    return pd.DataFrame(content)


def wave(schema: Schema, steps: int, start: Any) -> Mapping[str, list[Any]]:
    """A table such as a model reads: a wave at its frequency, of the steps after a time."""
    from ...tables.panel import Frequency
    from ...words import stamps

    times = Frequency(schema.frequency).future(start, steps)
    values = 100 + 20 * np.sin(2 * np.pi * np.arange(steps) / max(schema.season, 7)) + 0.5 * np.arange(steps)
    return {schema.time: stamps(times), schema.target or "y": np.round(values, 1).tolist()}
