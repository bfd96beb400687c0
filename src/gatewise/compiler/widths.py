"""How wide the values of a step are: H units, another width that the cell declares, or one number for each row.

Kernels know one width. What is narrower is spread over all units by repeating it, which is exact: operations unit by
unit give the repetitions of what they give, U does not read them, and one number that is in every unit is what PyTorch
broadcasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from ..equation import HIDDEN, WHOLE_INPUT, Cell, Width, previous
from ..errors import CellError
from ..value import line_of
from .lower import program_of
from .ops import OVER_UNITS
from .program import Instruction

ROW: Width = 1
_DRAWN = "drawn"  # random numbers, one for each unit of whatever they meet
_Known: TypeAlias = "Width | tuple[str] | None"  # (_DRAWN,), or None for a number of the step, which has no width


@dataclass(frozen=True)
class Widths:
    """values: of the inputs and values of a program. operands: of what U multiplies, by the names of gates.

    summed: of what is added up over units, or averaged.
    """

    values: Mapping[str, Width]
    operands: Mapping[str, Width]
    summed: frozenset[Width]


@lru_cache(maxsize=256)
def widths_of(cell: Cell) -> Widths:
    """The widths of a cell's forward program.

    Raises CellError where values meet that are not equally wide.
    """
    if not cell.widths:
        return Widths({}, {}, frozenset())
    return _Inference(cell).widths()


class _Inference:
    def __init__(self, cell: Cell) -> None:
        self._cell, self._program = cell, program_of(cell)
        self._known: dict[str, _Known] = dict(_inputs(cell))
        self._summed: set[Width] = set()

    def widths(self) -> Widths:
        for instruction in self._program.body:
            self._known[instruction.name] = self._width(instruction)
        for state, value in self._program.outputs.items():
            self._check_state(state, value)
        values = {name: _settled(width) for name, width in self._known.items()}
        return Widths(values, self._operands(values), frozenset(self._summed))

    def _width(self, instruction: Instruction) -> _Known:
        if instruction.op == "constant":
            return None
        if instruction.op == "product":
            return self._known[instruction.name]
        arguments = [self._known[argument] for argument in instruction.args]
        if instruction.op not in OVER_UNITS:
            return self._joined(instruction, arguments)
        if arguments[0] in (ROW, None):
            self._refuse(f"takes the {instruction.op} over units of {self._text(instruction.args[0])}")
        if instruction.op != "amax":  # the largest of what is repeated is the same
            self._summed.add(_settled(arguments[0]))
        return ROW

    def _joined(self, instruction: Instruction, arguments: Iterable[_Known]) -> _Known:
        met = dict.fromkeys(width for width in arguments if width is not None)
        wide = [width for width in met if width != ROW and not isinstance(width, tuple)]
        if len(wide) > 1:
            parts = " and ".join(map(self._text, instruction.args))
            self._refuse(f"computes {self._program.expression(instruction.name, top=True)} of {parts}")
        if wide:
            return wide[0]
        return next((width for width in met if isinstance(width, tuple)), next(iter(met), None))

    def _check_state(self, state: str, value: str) -> None:
        width, declared = self._known[value], self._known[previous(state)]
        if width != declared and not (isinstance(width, tuple) and declared != ROW):
            needed = f"{state} is declared with {_text(declared)}"
            self._refuse(f"returns {self._text(value)} as {state}, and {needed}")

    def _operands(self, values: Mapping[str, Width]) -> dict[str, Width]:
        """What U multiplies. Raises CellError where one gate is called on values of several widths."""
        program, operands = self._program, dict[str, Width]()
        for gate in self._cell.gates:
            fed = program.by_name.get(gate.preactivation)
            operand = previous(self._cell.state[0]) if fed is None else fed.args[0]
            owner = gate.tied or gate.name
            if gate.recurrent and operands.setdefault(owner, values[operand]) != values[operand]:
                self._refuse(f"calls gate {owner!r} on values of several widths, and its U has one")
        return operands

    def _text(self, name: str) -> str:
        return f"{self._program.expression(name)} ({_text(self._known[name])})"

    def _refuse(self, what: str) -> None:
        where = line_of(self._cell.step) if self._cell.origin is None else ""
        hint = "`widths` says how wide gates, states and weights are; a gate U(...) leads from one width to another"
        raise CellError(f"the step of {self._cell.name} {what}", where=where, hint=hint)


def _inputs(cell: Cell) -> Iterable[tuple[str, _Known]]:
    letters = {gate.name: gate.letter for gate in cell.gates}
    for gate in cell.gates:
        yield gate.preactivation, cell.width_of(letters[gate.tied or gate.name])
    for state in cell.state:
        yield previous(state), cell.width_of(state)
    for weight in cell.per_unit:
        yield weight, cell.width_of(weight)
    for noise in cell.noise:
        yield noise.name, ROW if noise.shared else (_DRAWN,)
    for name in cell.inputs:
        yield name, HIDDEN if name == WHOLE_INPUT else ROW


def _settled(width: _Known) -> Width:
    return HIDDEN if isinstance(width, tuple) else ROW if width is None else width


def _text(width: _Known) -> str:
    if width is None:
        return "a number"
    if isinstance(width, tuple):
        return "a random number for each unit"
    return {HIDDEN: "H units", ROW: "one number a row"}.get(width, f"width {width}")
