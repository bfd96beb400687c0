"""Which neighbouring gates multiply the same thing, so that they share one product over all rows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import NamedTuple

from ..compiler.lower import program_of
from ..equation import Cell, Gate

OUTPUT_BEFORE = "the output one step before"
"""The operand of gates with U h: no name of a program, since a step may well call its own output h."""


class GateRun(NamedTuple):
    """Neighbouring gates: which they are, and their rows of W or U. operand: what U is multiplied with."""

    gates: slice
    rows: slice
    operand: str


def stretches(cell: Cell, units: int) -> tuple[list[GateRun], list[GateRun], list[str]]:
    """Gates next to each other that multiply the same: with W, with U, and what U multiplies inside of a step."""
    products = {i.name: i.args[0] for i in program_of(cell).body if i.op == "product"}
    driven = _runs(cell.gates, lambda gate: "x" if gate.has_input else "", units)
    recurrent = _runs(cell.gates, lambda gate: products.get(gate.preactivation, _before(gate)), units)
    return driven, recurrent, list(dict.fromkeys(products.values()))


def _before(gate: Gate) -> str:
    return OUTPUT_BEFORE if gate.recurrent else ""


def _runs(gates: tuple[Gate, ...], operand: Callable[[Gate], str], units: int) -> list[GateRun]:
    """Stretches of neighbouring gates that multiply the same thing, where they multiply anything."""
    runs: list[GateRun] = []
    row = 0
    for key, group in groupby(range(len(gates)), key=lambda index: operand(gates[index])):
        indices = list(group)
        if key:
            stop = row + len(indices) * units
            runs.append(GateRun(slice(indices[0], indices[-1] + 1), slice(row, stop), key))
            row = stop
    return runs
