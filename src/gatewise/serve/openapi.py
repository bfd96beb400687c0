"""The OpenAPI document (3.1) of a server: its addresses, from the shapes by which bodies are checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..version import version
from . import tensors
from .limits import Limits
from .refusal import JSON
from .served import Served
from .shapes import Schema
from .tasks import Task
from .tasks.task import example_steps
from .tensor_model import TensorModel

_ERROR: Schema = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "hint": {"type": "string"}},
    "required": ["error"],
}
_TENSOR: Schema = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "datatype": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "parameters": {"type": "object"},
        "data": {"type": "array"},
    },
    "required": ["name", "datatype", "shape"],
}
_OUTPUTS: Schema = {
    "type": "object",
    "properties": {
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "id": {"type": "string"},
        "outputs": {"type": "array", "items": _TENSOR},
    },
    "required": ["model_name", "outputs"],
}
_OBJECT: Schema = {"type": "object"}
_REFUSALS = {
    400: "The request cannot be used",
    403: "It was meant for another server, or comes from another's page",
    404: "There is no such model or session",
    405: "Not by this method",
    408: "It did not arrive in time",
    413: "It, or its answer, is too large",
    415: "It is compressed",
    503: "There is too much to do: ask again later",
}


def document(models: Mapping[str, Served], limits: Limits) -> dict[str, Any]:
    """The document of a server with these models."""
    tasks = dict.fromkeys(one.task for one in models.values() if one.task is not None)
    return {
        "openapi": "3.1.0",
        "info": {"title": "gatewise", "version": version(), "description": _about(limits)},
        "paths": {
            **_fixed(),
            **_model_paths(models),
            **{task.path: {"post": _task(task, models)} for task in tasks},
        },
    }


def _about(limits: Limits) -> str:
    return (
        "Models by the Open Inference protocol, version 2, and by plain JSON. "
        f"A request has at most {limits.body:,} bytes, an answer {limits.numbers:,} numbers."
    )


def _operation(summary: str, answer: Schema, media: str = JSON) -> dict[str, Any]:
    refusals = {str(status): _content(words, _ERROR) for status, words in _REFUSALS.items()}
    return {"summary": summary, "responses": {"200": _content(summary, answer, media), **refusals}}


def _content(words: str, schema: Schema, media: str = JSON) -> dict[str, Any]:
    return {"description": words, "content": {media: {"schema": schema}}}


def _body(schema: Schema, example: object) -> dict[str, Any]:
    return {"required": True, "content": {JSON: {"schema": schema, "example": example}}}


def _fixed() -> dict[str, Any]:
    return {
        "/v2": {"get": _operation("What the server is", _OBJECT)},
        "/v2/health/live": {"get": _operation("Whether it answers", _OBJECT)},
        "/v2/health/ready": {"get": _operation("Whether its models do", _OBJECT)},
        "/v2/repository/index": {"post": _operation("Every model", {"type": "array", "items": _OBJECT})},
        "/metrics": {"get": _operation("Counters for Prometheus", {"type": "string"}, "text/plain")},
    }


def _model_paths(models: Mapping[str, Served]) -> dict[str, Any]:
    at, names = "/v2/models/{model}", list(models)
    paths: dict[str, Any] = {
        at: {"get": {**_operation("What a model takes and gives", _OBJECT), "parameters": [_named("model", names)]}},
        f"{at}/ready": {"get": {**_operation("Whether it answers", _OBJECT), "parameters": [_named("model", names)]}},
    }
    by_tensors = {name: one.tensors for name, one in models.items() if one.tensors is not None}
    for first in list(by_tensors.values())[:1]:
        infer = _operation("Tensors in, tensors out", _OUTPUTS)
        body = _body(tensors.REQUEST.schema, _example(first))
        infer |= {"parameters": [_named("model", list(by_tensors))], "requestBody": body}
        paths[f"{at}/infer"] = {"post": infer}
    if going_on := [name for name, one in models.items() if one.goes_on]:
        ended = _operation("Forget a session's state", _OBJECT)
        ended["responses"]["204"] = {"description": "It is forgotten"}
        del ended["responses"]["200"]
        ended["parameters"] = [_named("model", going_on), _named("session")]
        paths[f"{at}/sessions/{{session}}"] = {"delete": ended}
    return paths


def _example(model: TensorModel) -> dict[str, Any]:
    steps = example_steps(model.inputs)
    x = {"name": "x", "datatype": model.datatype, "shape": [1, len(steps), model.inputs], "data": [steps]}
    return {"inputs": [x]}


def _named(name: str, words: list[str] | None = None) -> dict[str, Any]:
    schema: Schema = {"type": "string"} | ({"enum": words} if words else {})
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _task(task: Task, models: Mapping[str, Served]) -> dict[str, Any]:
    names = [name for name, one in models.items() if one.task is task]
    operation = _operation(task.summary, task.answer)
    operation["description"] = f"By {', '.join(names)}."
    example = {"model": names[0], **task.example(models[names[0]].model)}
    return {**operation, "requestBody": _body(task.body.schema, example)}
