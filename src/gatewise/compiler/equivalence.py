"""Whether two cells compute the same in evaluation mode, however their steps are written."""

from __future__ import annotations

from typing import TypeAlias

import torch

from ..equation import Cell, previous
from .lower import program_of
from .ops import OPS, OVER_UNITS
from .program import Instruction

_Key: TypeAlias = "tuple[str | int | float, ...]"
_COMMUTATIVE = ("add", "mul", "maximum", "minimum", "eq")
# (operation, place of the constant, constant) whose result is the other argument.
_IDENTITIES = {("add", 0, 0.0), ("add", 1, 0.0), ("sub", 1, 0.0), ("mul", 0, 1.0), ("mul", 1, 1.0), ("div", 1, 1.0)}


def equivalent(a: Cell, b: Cell) -> bool:
    """Whether the new states of both are the same expressions of gates, states and per-unit weights.

    Gates and per-unit weights are identified by their names, states by their order. Noise is replaced by its mean,
    constants are folded, ``1 - sigmoid(a)`` is ``sigmoid(-a)``, and sums and products commute.
    """
    weights = [(set(cell.per_unit), set(cell.scalars), cell.inputs, len(cell.state)) for cell in (a, b)]
    if _terms(a) != _terms(b) or weights[0] != weights[1]:
        return False
    numbering = _Numbering()
    return numbering.of(a) == numbering.of(b)


def _terms(cell: Cell) -> dict[str, tuple[bool, bool, bool]]:
    return {gate.name: (gate.has_input, bool(gate.recurrent), gate.has_bias) for gate in cell.gates if not gate.tied}


class _Numbering:
    """Value numbers of expressions: equal numbers mean equal expressions."""

    def __init__(self) -> None:
        self._numbers: dict[_Key, int] = {}
        self._keys: list[_Key] = []

    def of(self, cell: Cell) -> list[int]:
        """The numbers of a cell's new states."""
        program = program_of(cell)
        gates = {gate.preactivation: gate.tied or gate.name for gate in cell.gates}
        output = self._number("state", 0)
        values = {previous(name): self._number("state", at) for at, name in enumerate(cell.state)}
        values |= {name: self._number("weight", name) for name in cell.per_unit}
        values |= {name: self._number("read", name) for name in cell.inputs}
        values |= {noise.name: self._constant(noise.mean) for noise in cell.noise}
        for gate in cell.gates:  # U h is the same as a gate that the step calls on h
            operand = (output,) if gate.recurrent == "h" else ()
            values[gate.preactivation] = self._number("product", gate.name, *operand)
        for i in program.body:
            arguments = [values[argument] for argument in i.args]
            label = (gates[i.name],) if i.op == "product" else ()
            values[i.name] = self._number(i.op, *label, *arguments) if label else self._folded(i, arguments)
        return [values[program.outputs[state]] for state in cell.state]

    def _folded(self, i: Instruction, arguments: list[int]) -> int:
        if i.op == "constant":
            return self._constant(i.constant)
        known = [self._value(argument) for argument in arguments]
        if i.op == "where" and known[0] is not None:
            return arguments[1 if known[0] else 2]
        if i.op not in OVER_UNITS and None not in known:
            constants = (torch.tensor(value, dtype=torch.float64) for value in known)
            return self._constant(float(OPS[i.op].torch(*constants)))
        return self._simplified(i.op, arguments, known)

    def _simplified(self, op: str, arguments: list[int], known: list[float | None]) -> int:
        for place, value in enumerate(known[:2]):
            if value is not None and len(known) == 2 and (op, place, value) in _IDENTITIES:
                return arguments[1 - place]
        if op == "detach":
            return arguments[0]
        if op == "neg" and self._keys[arguments[0]][0] == "neg":
            return int(self._keys[arguments[0]][1])
        if op == "sub" and known[0] == 1.0 and self._keys[arguments[1]][0] == "sigmoid":
            opposite = self._simplified("neg", [int(self._keys[arguments[1]][1])], [None])
            return self._number("sigmoid", opposite)
        return self._number(op, *(sorted(arguments) if op in _COMMUTATIVE else arguments))

    def _constant(self, value: float) -> int:
        return self._number("constant", value)

    def _value(self, number: int) -> float | None:
        kind, *rest = self._keys[number]
        return float(rest[0]) if kind == "constant" else None

    def _number(self, *key: str | int | float) -> int:
        if key not in self._numbers:
            self._numbers[key] = len(self._keys)
            self._keys.append(key)
        return self._numbers[key]
