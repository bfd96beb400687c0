"""What a request may hold: each field declared once, for the check of a body and for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .. import fields
from ..fields import Check, Fields

Schema = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """One value of a request.

    check: of the value, by its name; raises InputError. schema: the same as JSON Schema.
    """

    check: Check
    schema: Schema

    def about(self, words: str, **more: Any) -> Shape:
        """With a description, and whatever else the schema is to say, such as ``default`` or ``examples``."""
        return replace(self, schema={**self.schema, "description": words, **more})


@dataclass(frozen=True)
class Body:
    """A body or a table in it. shapes: by name. required: which of them must be there."""

    shapes: Mapping[str, Shape]
    required: Collection[str] = ()

    @property
    def shape(self) -> Shape:
        """As a value."""
        lacking = self.shapes.keys() - set(self.required)
        check = Fields({name: shape.check for name, shape in self.shapes.items()}, lacking)
        schema: Schema = {
            "type": "object",
            "properties": {name: shape.schema for name, shape in self.shapes.items()},
            "additionalProperties": False,
        }
        return Shape(check, schema | ({"required": sorted(self.required)} if self.required else {}))


def whole(least: int, most: int) -> Shape:
    """A whole number from ``least`` to ``most``."""
    return Shape(fields.whole(least, most), {"type": "integer", "minimum": least, "maximum": most})


def number(low: float, high: float) -> Shape:
    """A number from ``low`` to ``high``."""
    return Shape(fields.number(low, high), {"type": "number", "minimum": low, "maximum": high})


FINITE = Shape(fields.number(), {"type": "number"})
"""Any finite number."""
FLAG = Shape(fields.flag, {"type": "boolean"})
TEXT = Shape(fields.text, {"type": "string"})
ANYTHING = Shape(fields.anything, {})


def one_of(*words: str) -> Shape:
    """One of these words."""
    return Shape(fields.one_of(words), {"type": "string", "enum": list(words)})


def listed(entry: Shape, least: int = 0, most: int = fields.LARGEST) -> Shape:
    """A list of values."""
    check_all = fields.listed(entry.check, most)

    def check(name: str, value: Any) -> list[Any]:
        entries = check_all(name, value)
        if len(entries) < least:
            raise fields.refused(name, value, f"a list of at least {least}")
        return entries

    schema: Schema = {"type": "array", "items": entry.schema}
    schema |= {"minItems": least} if least else {}
    return Shape(check, schema | ({"maxItems": most} if most < fields.LARGEST else {}))


def table(entry: Shape) -> Shape:
    """Values by any names."""
    return Shape(fields.table(entry.check), {"type": "object", "additionalProperties": entry.schema})


def either(*shapes: Shape) -> Shape:
    """What one of these takes; the error is the last one's."""
    return Shape(fields.either(*(shape.check for shape in shapes)), {"anyOf": [shape.schema for shape in shapes]})
