"""``POST /detect``: rows of series in, how unlike the rows before it each is out."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ... import fields
from ...errors import InputError
from ...escape import json_ascii, json_number
from ..limits import Limits
from ..sessions import Sessions
from ..shapes import FLAG, TEXT, Body, Schema, Shape, either
from ..tensors import SESSION
from .tables import READ, frame_of, shapes_of_tables, wave
from .task import Means, Task

if TYPE_CHECKING:
    from ...models.detect.anomalies import Anomalies
    from ...models.detect.detector import Detector

_STATE = either(Shape(fields.nothing, {"type": "null"}), TEXT)
_PARAMETERS = Body({"sequence_id": SESSION, "sequence_start": FLAG, "sequence_end": FLAG}).shape
_SCORE: Schema = {"type": "object", "properties": {"unique_id": {}, "ds": {}, "score": {"type": "number"}}}
_FIGURES = 7
"""Numbers that are said of a row."""
_ROWS = 24
"""Rows of an example."""


def run(model: Detector, asked: Mapping[str, Any], means: Means) -> str:
    """The document of `Anomalies.to_json`, with every row, and the state after them where one was given.

    The rows go on from the state, or the session, or else from where the detector was saved.
    """
    told = asked.get("parameters", {})
    session, begins = told.get("sequence_id") or None, told.get("sequence_start", False)
    detector = _detector(model, asked.get("state"), None if begins else session, means.sessions)
    anomalies = detector.update(frame_of(asked), read=_read(asked), most=_most(means.limits))
    document = json.loads(anomalies.to_json()) | {"scores": _scores(anomalies)}
    if "state" in asked or session is not None:
        state = detector.pack()
        document |= {"state": base64.b64encode(state).decode()} if "state" in asked else {}
        _keep(means.sessions, session, begins, told.get("sequence_end", False), state)
    return json_ascii(document)


def _detector(model: Detector, text: str | None, session: str | int | None, sessions: Sessions[bytes]) -> Detector:
    """The detector that these rows go on with, and nobody else. Raises GatewiseError."""
    if session is not None and text is not None:
        what = "a session has a state of its own"
        raise InputError(what, where="state", hint="give one only where it begins")
    if text is None:
        return model.unpack(model.pack() if session is None else sessions.state(session))
    try:
        detector = model.unpack(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise InputError("it is not base64", where="state", hint="give back what an answer held as state") from error
    if (detector.schema_, [*detector.ends_]) != (model.schema_, [*model.ends_]):
        raise InputError("it is of another detector", where="state", hint="give it to the model that it came from")
    return detector


def _keep(sessions: Sessions[bytes], session: str | int | None, begins: bool, ends: bool, state: bytes) -> None:
    """From where the session goes on, which ends with these rows or does not."""
    if session is None:
        return
    if ends:
        sessions.end(session)
    elif begins:
        sessions.begin(session, state)
    else:
        sessions.keep(session, state)


def _most(limits: Limits) -> int:
    """How many rows may be judged for one answer."""
    return max(1, min(limits.steps, limits.numbers // _FIGURES))


def _read(asked: Mapping[str, Any]) -> Any:
    from ...tables.options import ReadOptions

    return ReadOptions(**asked["read"]) if "read" in asked else None


def _scores(anomalies: Anomalies) -> list[dict[str, Any]]:
    """Every row, as `Anomalies.to_pandas` has it; null where something is undefined."""
    from ...words import stamps

    frame = anomalies.to_pandas()
    frame["ds"] = [time.replace(" ", "T") for times in anomalies.panel.times for time in stamps(times)]
    return [
        {name: json_number(cell) if isinstance(cell, float) else cell for name, cell in row.items()}
        for row in frame.to_dict("records")
    ]


def _numbers(model: Detector) -> int:
    """How many numbers a state holds at most."""
    from ...models.detect.stored import LARGEST

    return LARGEST * len(model.ends_)


def _example(model: Detector) -> Mapping[str, Any]:
    """Rows that go on where the first series ends."""
    name, end = next(iter(model.ends_.items()))
    schema = model.schema_
    columns = dict(wave(schema, _ROWS, end))
    if not schema.target:
        columns[name] = columns.pop("y")
    elif schema.target != name:
        columns["unique_id"] = [name] * _ROWS
    return {"columns": columns}


TASK = Task(
    path="/detect",
    summary="Find anomalies in rows that come after those known",
    shapes={
        **shapes_of_tables(READ),
        "state": _STATE.about("From where they go on, as an answer held it; null where there is none: one comes back"),
        "parameters": _PARAMETERS.about("A session"),
    },
    required=(),
    answer={
        "type": "object",
        "properties": {
            "verdict": {"type": "string"},
            "alerts": {"type": "array", "items": {"type": "object"}},
            "scores": {"type": "array", "items": _SCORE},
            "state": {"type": "string"},
        },
    },
    run=run,
    example=_example,
    form="watch",
    kept=_numbers,
)
