"""What the values of a step are called in a record: gates by their declared names, after their activation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from ..compiler.gradient import candidates
from ..compiler.lower import names_of, program_of
from ..compiler.ops import COMPARISONS
from ..equation import Cell, Gate, Value
from ..errors import InputError
from ..transforms.rewrite import Rewriting, derived

_PARTS = ("_x", "_h")  # a gate in two parts, W x and U h, counts as one


@lru_cache(maxsize=256)
def gate_values(cell: Cell) -> Mapping[str, str]:
    """Gate -> the value of the program that it is after its activation; the sum itself where it has none."""
    return {_whole(gate.name): _activated(cell, gate) for gate in cell.gates}


def _whole(name: str) -> str:
    return next((name.removesuffix(part) for part in _PARTS if name.endswith(part)), name)


def _activated(cell: Cell, gate: Gate) -> str:
    """The step's local of the gate's name if the step computed it, else where a chain of sole uses leads to."""
    local = cell.values.get(_whole(gate.letter))
    if local is not None and local.function not in ("input", "product"):
        return names_of(cell).get(local, gate.preactivation)
    if _whole(gate.name) == "candidate" and cell.candidate:
        return names_of(cell).get(cell.values[cell.candidate], gate.preactivation)
    return candidates(cell).get(gate.preactivation, gate.preactivation)


def sums(cell: Cell) -> dict[str, str]:
    """Gate -> its pre-activation's name in the program."""
    return {gate.name: gate.preactivation for gate in cell.gates}


@lru_cache(maxsize=256)
def values_of(cell: Cell) -> Mapping[str, Value]:
    """Every number of the program by name, inputs first, as the step's record has it; conditions are none."""
    program = program_of(cell)
    values = {name: Value("input", label=name) for name in program.inputs}
    for value, name in names_of(cell).items():
        if program.by_name[name].op not in COMPARISONS:
            values.setdefault(name, value)
    return values


def check_values(cell: Cell, names: Iterable[str]) -> tuple[str, ...]:
    """The names, each a value of the cell's program. Raises InputError, listing the known ones."""
    known = values_of(cell)
    for name in names:
        if name not in known:
            raise InputError(f"the step of {cell.name} has no value {name!r}", hint=f"it has {', '.join(known)}")
    return tuple(names)


@lru_cache(maxsize=256)
def observed(cell: Cell, names: tuple[str, ...]) -> Cell:
    """The cell with some values of its program as further states, so that every driver gives their history."""
    values = values_of(cell)
    new = Rewriting((*cell.outputs, *(values[name] for name in names)), dict(cell.values))
    states = tuple(f"seen_{name}" for name in names)
    starts = (*cell.initial, *(0.0 for _ in names))
    return derived(cell, "observed", new, (observed, (cell, names)), state=(*cell.state, *states), initial=starts)
