"""How a cell becomes another: its recorded step is rewritten with some values replaced."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..compiler.render.reference import new_states
from ..equation import Cell, Value
from ..errors import InputError

Change = Callable[[Value, Value], Value]


class Rewriting(NamedTuple):
    """A rewritten step: its outputs, and its local names."""

    outputs: tuple[Value, ...]
    values: dict[str, Value]


def rewritten(cell: Cell, change: Change) -> Rewriting:
    """The step with ``change(old, new)`` in the place of each value, where ``new`` is ``old`` on changed arguments.

    A value that is returned as it came in stays the same object.
    """
    made: dict[Value, Value] = {}

    def again(value: Any) -> Any:
        if not isinstance(value, Value):
            return value
        if value not in made:
            arguments = tuple(again(argument) for argument in value.arguments)
            same = all(a is b for a, b in zip(arguments, value.arguments, strict=True))
            made[value] = change(value, value if same else value.on(*arguments))
        return made[value]

    outputs = tuple(again(output) for output in cell.outputs)
    return Rewriting(outputs, {name: again(value) for name, value in cell.values.items()})


def replacing(replacements: Mapping[Value, Callable[[Value], Value]]) -> Change:
    """The change that puts something else in the place of some values."""
    return lambda old, new: replacements.get(old, lambda value: value)(new)


def derived(cell: Cell, name: str, new: Rewriting, origin: tuple[Any, ...], **fields: Any) -> Cell:
    """A cell with this step, and other fields replaced. origin: the function and arguments that make it again.

    Raises InputError where it would read two things of one name, as when a transformation is made twice.
    """
    made: list[Cell] = []
    names: list[str] = []

    def step(*arguments: Any) -> Any:
        return new_states(made[0], dict(zip(names, arguments, strict=True)))

    fields = {"name": f"{cell.name}_{name}", "outputs": new.outputs, "values": new.values, "origin": origin} | fields
    new_cell = replace(cell, step=step, **fields)
    made.append(new_cell)
    names += _parameters(new_cell)
    twice = [word for word in names if names.count(word) > 1]
    if twice:
        raise InputError(f"{cell.name} reads {twice[0]!r} already", hint=f"apply {name} once")
    step.__name__, step.__doc__ = new_cell.name, cell.doc
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    step.__signature__ = inspect.Signature([inspect.Parameter(word, kind) for word in names])  # pyright: ignore[reportFunctionMemberAccess]
    return new_cell


def _parameters(cell: Cell) -> list[str]:
    letters = [gate.letter for gate in cell.gates]
    return [*letters, *cell.state, *cell.per_unit, *(noise.name for noise in cell.noise)]


def memories(cell: Cell) -> tuple[str, ...]:
    """The states that carry the memory: all but the output, or the output where it is the only one."""
    return cell.state[1:] or cell.state


def is_scaled(cell: Cell) -> bool:
    """Whether states are stored relative to one another, as those of a stabilised cell are: one starts at infinity."""
    return any(math.isinf(start) for start in cell.initial)


def is_number(value: object) -> bool:
    """Whether it can be taken for a number; True and False cannot."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_rate(what: str, rate: float) -> None:
    """Raises InputError where a probability is not one."""
    if not is_number(rate) or not 0.0 <= rate < 1.0:
        raise InputError(f"{what} must be a probability of at least 0 and below 1, not {rate}")
