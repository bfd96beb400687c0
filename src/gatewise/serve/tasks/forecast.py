"""``POST /forecast``: a table of series in, their forecasts out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..refusal import LARGE, RefusedError
from ..shapes import FLAG, Schema, either, one_of
from .tables import COLUMNS, READ, ROWS, frame_of, frame_under, shapes_of_tables, wave
from .task import Means, Task

if TYPE_CHECKING:
    from ...models.forecast.estimator import Forecaster
    from ...tables.panel import Panel

_READ = {**READ, "fill": one_of("none", "linear", "previous", "zero")}
_ROW: Schema = {
    "type": "object",
    "properties": {"unique_id": {}, "ds": {}, "forecast": {"type": "number"}},
    "additionalProperties": {"type": "number"},
}
_FEWEST, _MOST = 24, 400
"""Rows of an example."""


def run(model: Forecaster, asked: Mapping[str, Any], means: Means) -> str:
    """The document of `Forecast.to_json`. Nothing in it tells where the model lies."""
    panel = _panel(model, asked)
    values = len(panel) * model.horizon * len(model.setup_.levels)
    if values > means.limits.numbers:
        what = f"{len(panel):,} series of {model.horizon:,} steps are more than {means.limits.numbers:,} numbers"
        raise RefusedError(LARGE, what, hint="send fewer series at once")
    forecast = model.forecast(panel, title="the table", total=asked.get("total", False))
    return replace(forecast, notes=(*panel.notes, *forecast.quantiles.notes)).to_json()


def _panel(model: Forecaster, asked: Mapping[str, Any]) -> Panel:
    """The series of the table; columns like those that the model learned from are taken by their names."""
    from ...models.forecast.ahead import panel_for
    from ...tables.options import ReadOptions

    frame = frame_of(asked)
    told, schema = dict(asked.get("read", {})), model.schema_
    for role, name in (("time", schema.time), ("target", schema.target)):
        if name in frame.columns:
            told.setdefault(role, name)
    read, future = ReadOptions(**told, season=schema.season), asked.get("future")
    known = replace(model.known_covariates, future_fill=asked.get("future_fill", "none"))
    plan = None if future is None else frame_under(future, "future")
    return panel_for(known, frame, read, model.horizon, future=plan, source="the table")


def _example(model: Forecaster) -> Mapping[str, Any]:
    """A table such as the model reads."""
    from ...tables.panel import Frequency

    schema = model.schema_
    steps, ahead = min(max(3 * schema.season, _FEWEST), _MOST), model.horizon if schema.covariates else 0
    counts = Frequency(schema.frequency).counts
    columns = dict(wave(schema, steps + ahead, 0 if counts else np.datetime64("2020-01-01", "ns")))
    target = schema.target or "y"
    columns[target] = [*columns[target][:steps], *[None] * ahead]
    phase = 2 * np.pi * np.arange(steps + ahead) / max(schema.season, 7)
    moving = {name: np.round(np.cos(phase), 2).tolist() for name in schema.covariates}
    return {"columns": columns | moving | {name: [0] * (steps + ahead) for name in schema.static}}


TASK = Task(
    path="/forecast",
    summary="Forecast the series of a table",
    shapes={
        **shapes_of_tables(_READ),
        "future": either(COLUMNS, ROWS).about(
            "Columns or rows of the covariates that are known ahead; by default rows of the table without a target"
        ),
        "future_fill": one_of("none", "previous", "zero").about("What stands in for those that are missing"),
        "total": FLAG.about("Whether the sums of the horizon are forecast too"),
    },
    required=(),
    answer={"type": "object", "properties": {"forecast": {"type": "array", "items": _ROW}}},
    run=run,
    example=_example,
    form="table",
)
