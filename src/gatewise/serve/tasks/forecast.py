"""``POST /forecast``: a table of series in, their forecasts out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ..limits import Limits
from ..refusal import LARGE, RefusedError
from ..shapes import FINITE, TEXT, Body, Schema, Shape, either, listed, one_of, table
from .task import Task

if TYPE_CHECKING:
    from ...models.forecast.estimator import Forecaster
    from ...tables.panel import Panel

_NOTHING = Shape(lambda name, value: _nothing(name, value), {"type": "null"})
_CELL = either(FINITE, _NOTHING, TEXT)
_READ = Body(
    {
        "time": TEXT,
        "target": TEXT,
        "id": TEXT,
        "frequency": TEXT,
        "fill": one_of("none", "linear", "previous", "zero"),
        "duplicates": one_of("refuse", "mean", "last"),
        "decimal": one_of(".", ","),
    }
).shape
_ROW: Schema = {
    "type": "object",
    "properties": {"unique_id": {}, "ds": {}, "forecast": {"type": "number"}},
    "additionalProperties": {"type": "number"},
}
_FEWEST, _MOST = 24, 400
"""Rows of an example."""


def _nothing(name: str, value: Any) -> None:
    if value is not None:
        raise InputError(f"{name} is {value!r}, not null")


def run(model: Forecaster, asked: Mapping[str, Any], limits: Limits) -> str:
    """The document of `Forecast.to_json`. Nothing in it tells where the model lies."""
    panel = _panel(model, asked)
    values = len(panel) * model.horizon * len(model.setup_.levels)
    if values > limits.numbers:
        what = f"{len(panel):,} series of {model.horizon:,} steps are more than {limits.numbers:,} numbers"
        raise RefusedError(LARGE, what, hint="send fewer series at once")
    forecast = model.forecast(panel, title="the table")
    return replace(forecast, notes=(*panel.notes, *forecast.quantiles.notes)).to_json()


def _panel(model: Forecaster, asked: Mapping[str, Any]) -> Panel:
    """The series of the table; columns like those that the model learned from are taken by their names."""
    import pandas as pd

    from ...tables.options import ReadOptions
    from ...tables.panels import panel_from_frame

    columns, rows = asked.get("columns"), asked.get("rows")
    if (columns is None) == (rows is None):
        raise InputError("give the table as columns, or as rows", hint="one of them")
    if columns is not None and len({len(column) for column in columns.values()}) > 1:
        raise InputError("the columns are of different lengths", where="columns")
    frame = pd.DataFrame(rows if columns is None else columns)
    told, schema = dict(asked.get("read", {})), model.schema_
    for role, name in (("time", schema.time), ("target", schema.target)):
        if name in frame.columns:
            told.setdefault(role, name)
    return panel_from_frame(frame, ReadOptions(**told, season=schema.season), "the table")


def _example(model: Forecaster) -> Mapping[str, Any]:
    """A table such as the model reads: a wave, at its frequency."""
    from ...tables.panel import Frequency
    from ...words import stamps

    schema = model.schema_
    steps, frequency = min(max(3 * schema.season, _FEWEST), _MOST), Frequency(schema.frequency)
    times = frequency.future(0 if frequency.counts else np.datetime64("2020-01-01", "ns"), steps)
    wave = 100 + 20 * np.sin(2 * np.pi * np.arange(steps) / max(schema.season, 7)) + 0.5 * np.arange(steps)
    return {"columns": {schema.time: stamps(times), schema.target or "y": np.round(wave, 1).tolist()}}


TASK = Task(
    path="/forecast",
    summary="Forecast the series of a table",
    shapes={
        "columns": table(listed(_CELL)).about("Columns by their names, all of one length"),
        "rows": listed(table(_CELL), 1).about("The same table row by row, in place of columns"),
        "read": _READ.about("How the table is read; what is left out is inferred"),
    },
    required=(),
    answer={"type": "object", "properties": {"forecast": {"type": "array", "items": _ROW}}},
    run=run,
    example=_example,
    form="table",
)
