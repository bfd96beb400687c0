"""What the forward keeps of every gate for backward: one number, the pre-activation or, where it serves, the gate.

``sigmoid``, ``tanh`` and ``exp`` have derivatives that need only their own result. Where nothing else in the
gradient reads the pre-activation, the result is kept instead, and backward need not compute it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ..equation import Cell, Gate
from .lower import program_of
from .program import Program, is_temporary

# Their derivatives are functions of their results alone.
_BY_RESULT = ("sigmoid", "tanh", "exp")
# What may lie between a pre-activation and the function: a peephole's term, a scale, a sign.
_ON_THE_WAY = ("add", "sub", "mul", "neg")


def kept_name(cell: Cell, gate: Gate, values: Mapping[str, str]) -> str:
    """The name of the array in which a gate is kept. values: pre-activation -> value kept in its place."""
    value = values.get(gate.preactivation, gate.preactivation)
    taken = is_temporary(value) or value in program_of(cell).outputs.values()
    return f"kept_{gate.letter}" if taken else value


@lru_cache(maxsize=256)
def candidates(cell: Cell) -> Mapping[str, str]:
    """For pre-activations that a chain of sole uses leads to such a function: the function's result."""
    program = program_of(cell)
    found = {gate.preactivation: _result(program, gate.preactivation) for gate in cell.gates}
    return {name: value for name, value in found.items() if value}


def _result(program: Program, value: str) -> str:
    """The result of the function at the end of the chain, or ``""``."""
    while True:
        uses = [instruction for instruction in program.body if value in instruction.args]
        if len(uses) != 1 or value in program.outputs.values():
            return ""
        if uses[0].op in _BY_RESULT:
            return uses[0].name
        if uses[0].op not in _ON_THE_WAY:
            return ""
        value = uses[0].name
