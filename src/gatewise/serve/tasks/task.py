"""One question that kinds of models answer in plain JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..limits import Limits
from ..shapes import Body, Schema, Shape
from ..tensors import NAME

MODEL = NAME.about("Which model; not needed where only one answers")


@dataclass(frozen=True, eq=False)
class Task:
    """A question with an address of its own.

    path: the address. summary: one line for the OpenAPI document. shapes: fields of the body beside ``model``, and
    required those that must be there. answer: the schema of the answer. run: the answer of a model as JSON, in its
    worker's thread; raises GatewiseError. example: a body, for the document. form: how the page asks, one of
    ``templates/asking.js``. text: what stands there to begin with, for a model.
    """

    path: str
    summary: str
    shapes: Mapping[str, Shape]
    required: tuple[str, ...]
    answer: Schema
    run: Callable[[Any, Mapping[str, Any], Limits], str]
    example: Mapping[str, Any]
    form: str = "json"
    text: Callable[[Any], str] = lambda _: "{}"

    @property
    def body(self) -> Shape:
        """All of the body."""
        return Body({"model": MODEL, **self.shapes}, self.required).shape


def steps_text(width: int) -> str:
    """A few steps of so many features as the page takes them: a step a line, with commas."""
    return "\n".join(", ".join(f"{0.1 * (step + at):.1f}" for at in range(width)) for step in range(3))
