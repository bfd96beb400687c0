"""Errors that the user can fix, each with what is wrong, where, and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

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
    """Base of every error that gatewise raises on purpose; `str` gives all three parts.

    Args:
        what: What is wrong, one sentence without a final full stop.
        where: The place: a file, row, column, series, argument or tensor index; empty where there is none to name.
        hint: What to do next; empty where there is nothing to advise.
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what, self.where, self.hint = what, where, hint
        super().__init__(what, where, hint)

    def __str__(self) -> str:
        located = f"{self.where}: {self.what}" if self.where else self.what
        return f"{located}\nhint: {self.hint}" if self.hint else located

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled with all fields, whatever a subclass's constructor takes: errors cross processes."""
        return _restored, (type(self), self.__dict__)


class InputError(GatewiseError, ValueError):
    """Data or an argument that cannot be used as it is.

    Args:
        what: As for `GatewiseError`.
        where: As for `GatewiseError`; by default made from ``row`` and ``column``.
        hint: As for `GatewiseError`.
        row: The row of a table in which the fault lies, counted from 0; None where it is in no one row.
        column: The column in which it lies, by its name; None where it is in no one column.
    """

    def __init__(
        self, what: str, *, where: str = "", hint: str = "", row: int | None = None, column: str | None = None
    ) -> None:
        super().__init__(what, where=where or place(row, column), hint=hint)
        self.row, self.column = row, column


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


_Error = TypeVar("_Error", bound=GatewiseError)


def place(row: int | None = None, column: str | None = None) -> str:
    """Words for a place in a table: ``row 2 (counted from 0), column 'sales'``.

    Args:
        row: The row, counted from 0.
        column: The column's name.
    """
    words: list[str] = []
    if row is not None:
        words.append(f"row {row} (counted from 0)")
    if column is not None:
        words.append(f"column {column!r}")
    return ", ".join(words)


def moved(error: _Error, where: str) -> _Error:
    """A copy of the error, of its own class and with all its fields, that names another place."""
    return _restored(type(error), {**error.__dict__, "where": where})


def advised(error: _Error, hint: str) -> _Error:
    """A copy of the error, of its own class and with all its fields, that gives another hint."""
    return _restored(type(error), {**error.__dict__, "hint": hint})


@contextmanager
def located(
    source: str | Path,
    where: Callable[[int | None, str | None], str] | None = None,
    kind: type[GatewiseError] = InputError,
) -> Generator[None]:
    """Name a file in every error of a kind that the block raises and that names no place yet.

    Args:
        source: What the block reads, such as the path of a file.
        where: Words for a row and a column as the source counts and names them, each None where the error carries
            none; by default the place that such an error names stays.
        kind: The class of errors; others pass as they are.
    """
    try:
        yield
    except kind as error:
        if where is not None and isinstance(error, InputError) and (error.row, error.column) != (None, None):
            raise moved(error, where(error.row, error.column)) from error
        if error.where:
            raise
        raise moved(error, str(source)) from error


def _restored(kind: type[_Error], fields: dict[str, Any]) -> _Error:
    error = kind.__new__(kind, fields["what"], fields["where"], fields["hint"])
    error.__dict__.update(fields)
    return error
