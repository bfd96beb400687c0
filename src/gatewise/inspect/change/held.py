"""A step some of whose values can be set from outside."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import torch

from ...compiler.lower import names_of, program_of
from ...compiler.program import is_temporary
from ...equation import Cell, Noise, Value
from ...errors import InputError
from ...transforms.rewrite import derived, rewritten
from ..recorded.names import gate_values


@lru_cache(maxsize=256)
def settable(cell: Cell) -> Mapping[str, str]:
    """What can be set, by name: gates, states, pre-activations and named values; and the value of the program it is.

    Not what a state was one step ago, which is the state of that step, nor weights.
    """
    program = program_of(cell)
    given = {gate.preactivation for gate in cell.gates}
    found = {name: name for name in program.inputs if name in given}
    found |= {i.name: i.name for i in program.body if i.op != "lt" and not is_temporary(i.name)}
    found |= {**program.outputs, **gate_values(cell)}
    return {name: value for name, value in found.items() if value in program.by_name or value in given}


def value_called(cell: Cell, name: str) -> str:
    """The value of the program of that name. Raises InputError with those that can be set."""
    found = settable(cell)
    if name not in found:
        raise InputError(f"{cell.name} has nothing to set by the name {name!r}", hint=f"it has {', '.join(found)}")
    return found[name]


def holds(value: str) -> str:
    """The name of the number that says whether the value is set."""
    return f"hold_{value}"


def sets(value: str) -> str:
    """The name of what it is set to."""
    return f"set_{value}"


@lru_cache(maxsize=256)
def held(cell: Cell, values: tuple[str, ...]) -> Cell:
    """The cell with these values of its program set, wherever they are read, where ``hold_{value}`` is 1.

    It reads, for each value in order, ``hold_{value}`` and ``set_{value}`` as noise of every step. Where nothing is
    held it is the cell, bit by bit.
    """
    names = names_of(cell)

    def change(old: Value, new: Value) -> Value:
        name = names.get(old, old.label if old.function == "input" else "")
        if name not in values:
            return new
        hold, number = Value("input", label=holds(name)), Value("input", label=sets(name))
        return torch.where(hold > 0.5, number, new)  # pyright: ignore[reportArgumentType, reportCallIssue, reportReturnType]

    noise = [Noise(name(value), "step", 0.0, 0.0, 0.0, 0.0) for value in values for name in (holds, sets)]
    return derived(cell, "held", rewritten(cell, change), (held, (cell, values)), noise=(*cell.noise, *noise))


def complements(cell: Cell, value: str) -> list[str]:
    """Values that are 1 less this one, where the step writes both as a sigmoid."""
    program = program_of(cell)
    mine = program.by_name.get(value)
    if mine is None or mine.op != "sigmoid":
        return []
    opposite = {i.name: i.args[0] for i in program.body if i.op == "neg"}
    (a,) = mine.args
    others = [i for i in program.body if i.op == "sigmoid" and i.name != value]
    return [i.name for i in others if opposite.get(i.args[0]) == a or opposite.get(a) == i.args[0]]
