"""Errors that the user can fix, each with what is wrong, where, and what to do."""

from __future__ import annotations

import json
import re

ARGUMENT = re.compile(r"""(?<!['"\w])`([a-z_]+)(?:=("(?:[^"\\]|\\.)*"|-?\d+|True|False))?`""")
"""An `argument` in a message: its name, and its value as Python writes it, if there is one."""


def argument(name: str, value: str | int | None = None) -> str:
    """An argument as every message names it: ```fill```, or with a value ```fill="linear"```.

    It is Python's; the command line prints its option instead, and there is no other place that knows of options.
    """
    if value is None:
        return f"`{name}`"
    spelled = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    return f"`{name}={spelled}`"


class GatewiseError(Exception):
    """Base of every error that gatewise raises on purpose.

    what: one sentence, without a final full stop. where: file, row, column, series or tensor index.
    hint: what to do next.
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what, self.where, self.hint = what, where, hint
        super().__init__(what, where, hint)

    def __str__(self) -> str:
        located = f"{self.where}: {self.what}" if self.where else self.what
        return f"{located}\nhint: {self.hint}" if self.hint else located


class InputError(GatewiseError, ValueError):
    """Data or an argument that cannot be used as it stands."""


class ShapeError(InputError, RuntimeError):
    """A tensor of the wrong shape, dtype or device; a RuntimeError too, as torch.nn raises."""


class ModelFileError(GatewiseError):
    """A model file that is damaged, foreign, or made for other data."""


class CheckpointError(GatewiseError):
    """A checkpoint that is damaged or foreign, or that could not be written."""


class CellError(GatewiseError, TypeError):
    """A cell declaration or step that the compiler cannot take."""


class ExplanationError(GatewiseError):
    """An explanation whose parts do not add up to what they explain; nothing is shown of it."""
