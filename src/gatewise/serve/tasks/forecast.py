"""``POST /forecast``: a table of series in, their forecasts out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ..limits import Limits
from ..refusal import LARGE, RefusedError
from ..shapes import FINITE, FLAG, TEXT, Body, Schema, Shape, either, listed, one_of, table
from .task import Task

if TYPE_CHECKING:
    import pandas as pd

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
_COLUMNS, _ROWS = table(listed(_CELL)), listed(table(_CELL), 1)
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
    forecast = model.forecast(panel, title="the table", total=asked.get("total", False))
    return replace(forecast, notes=(*panel.notes, *forecast.quantiles.notes)).to_json()


def _panel(model: Forecaster, asked: Mapping[str, Any]) -> Panel:
    """The series of the table; columns like those that the model learned from are taken by their names."""
    from ...models.forecast.ahead import panel_for
    from ...tables.options import ReadOptions

    columns, rows = asked.get("columns"), asked.get("rows")
    if (columns is None) == (rows is None):
        raise InputError("give the table as columns, or as rows", hint="one of them")
    frame = _frame(rows if columns is None else columns, "columns")
    told, schema = dict(asked.get("read", {})), model.schema_
    for role, name in (("time", schema.time), ("target", schema.target)):
        if name in frame.columns:
            told.setdefault(role, name)
    read, future = ReadOptions(**told, season=schema.season), asked.get("future")
    known = replace(model.known_covariates, future_fill=asked.get("future_fill", "none"))
    plan = None if future is None else _frame(future, "future")
    return panel_for(known, frame, read, model.horizon, future=plan, source="the table")


def _frame(content: Any, where: str) -> pd.DataFrame:
    """Columns or rows as a frame."""
    import pandas as pd

    if isinstance(content, dict) and len({len(column) for column in content.values()}) > 1:
        raise InputError("the columns are of different lengths", where=where)
    return pd.DataFrame(content)


def _example(model: Forecaster) -> Mapping[str, Any]:
    """A table such as the model reads: a wave, at its frequency."""
    from ...tables.panel import Frequency
    from ...words import stamps

    schema = model.schema_
    steps, frequency = min(max(3 * schema.season, _FEWEST), _MOST), Frequency(schema.frequency)
    ahead = model.horizon if schema.covariates else 0
    times = frequency.future(0 if frequency.counts else np.datetime64("2020-01-01", "ns"), steps + ahead)
    phase = 2 * np.pi * np.arange(steps + ahead) / max(schema.season, 7)
    wave = [*np.round(100 + 20 * np.sin(phase) + 0.5 * np.arange(steps + ahead), 1).tolist()[:steps], *[None] * ahead]
    beside = {name: np.round(np.cos(phase), 2).tolist() for name in schema.covariates}
    return {"columns": {schema.time: stamps(times), schema.target or "y": wave, **beside}}


TASK = Task(
    path="/forecast",
    summary="Forecast the series of a table",
    shapes={
        "columns": _COLUMNS.about("Columns by their names, all of one length"),
        "rows": _ROWS.about("The same table row by row, in place of columns"),
        "read": _READ.about("How the table is read; what is left out is inferred"),
        "future": either(_COLUMNS, _ROWS).about(
            "Columns or rows of the covariates that are known ahead; by default rows of the table without a target"
        ),
        "total": FLAG.about("Whether the sums of the horizon are forecast too"),
        "future_fill": one_of("none", "previous", "zero").about("What stands in for those that are missing"),
    },
    required=(),
    answer={"type": "object", "properties": {"forecast": {"type": "array", "items": _ROW}}},
    run=run,
    example=_example,
    form="table",
)
