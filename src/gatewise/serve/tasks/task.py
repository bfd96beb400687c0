"""One question that kinds of models answer in plain JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..limits import Limits
from ..sessions import Sessions
from ..shapes import Body, Schema, Shape
from ..tensors import NAME

MODEL = NAME.about("Which model; not needed where only one answers")


@dataclass(frozen=True)
class Means:
    """What a model has beside a body. limits: of what it lets anybody have. sessions: the states that it keeps."""

    limits: Limits
    sessions: Sessions[Any]


@dataclass(frozen=True, eq=False)
class Task:
    """A question with an address of its own.

    path: the address. summary: one line for the OpenAPI document. shapes: fields of the body beside ``model``, and
    required those that must be there. answer: the schema of the answer. run: the answer of a model as JSON, in its
    worker's thread; raises GatewiseError. example: a body that a model answers, for the document, and for the page to
    begin with. form: how the page asks, one of ``templates/asking.js``. kept: how many numbers the state of a session
    has; None where there are no sessions.
    """

    path: str
    summary: str
    shapes: Mapping[str, Shape]
    required: tuple[str, ...]
    answer: Schema
    run: Callable[[Any, Mapping[str, Any], Means], str]
    example: Callable[[Any], Mapping[str, Any]]
    form: str = "json"
    kept: Callable[[Any], int] | None = None

    @property
    def body(self) -> Shape:
        """All of the body."""
        return Body({"model": MODEL, **self.shapes}, self.required).shape


def example_steps(width: int) -> list[list[float]]:
    """A few steps of so many features."""
    return [[round(0.1 * (step + at), 1) for at in range(width)] for step in range(3)]
