"""A step split symbolically into signals and the context that scales them, for any cell.

Which factor of a product is a gate, and which the signal that passes it, is derived from the ranges of the values: of
two values that both depend on inputs and states, the one that cannot be negative scales the other. It is context in
every split of the memory. Where neither can be proven to be the gate, the split is refused.

The split is exact at all values of a run. Initialisation asks a narrower question, also of cells that cannot be split:
which single gate keeps a state while everything else is at rest. :mod:`.keepers` measures that.
"""

from __future__ import annotations

import math
from functools import cached_property, lru_cache
from typing import NamedTuple

from ..equation import Cell, Operand, Value, previous
from ..errors import CellError
from .lower import lower, names_of, program_of
from .ops import OPS, OVER_UNITS
from .program import Instruction, Program, is_temporary
from .rules import EVERY, Interval, Signals, plus

_FIXED, _WEIGHT, _MOVES = range(3)  # numbers and noise; what per-unit weights make; what inputs and states make


class Flow:
    """The values of a cell's step, and which of them carry a signal."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.program = program_of(cell)
        self.values = self.program.values()

    @cached_property
    def bounds(self) -> dict[str, Interval]:
        """The interval of each value; inputs may be any number, noise what it can draw."""
        bounds = dict.fromkeys(self.program.inputs, EVERY)
        bounds |= {n.name: Interval(min(n.hit, n.miss, n.mean), max(n.hit, n.miss, n.mean)) for n in self.cell.noise}
        for i in self.program.body:
            if i.op == "constant":
                bounds[i.name] = Interval(i.constant, i.constant)
            else:
                arguments = [bounds[argument] for argument in i.args]
                bounds[i.name] = EVERY if i.op == "product" else OPS[i.op].bounds(*arguments)
        return bounds

    @cached_property
    def _ranks(self) -> dict[str, int]:
        noise = {draw.name for draw in self.cell.noise}
        fixed = {name: _FIXED if name in noise else _WEIGHT for name in (*noise, *self.cell.per_unit)}
        ranks = {name: fixed.get(name, _MOVES) for name in self.program.inputs}
        for i in self.program.body:
            rank = max((ranks[argument] for argument in i.args), default=_FIXED)
            ranks[i.name] = _MOVES if i.op == "product" else rank
        return ranks

    @property
    def names(self) -> dict[str, Value]:
        """The values that the cell's author named."""
        named = (name for name in self.program.by_name if not is_temporary(name))
        return {name: value for name in named if isinstance(value := self.values[name], Value)}

    def signals(self, instruction: Instruction) -> tuple[str | None, ...]:
        """The arguments that carry the signal of the result, with None for context.

        Raises CellError where the result cannot be split.
        """
        op, args = OPS[instruction.op], instruction.args
        if op.linear is None:
            raise self._refused(instruction, "is true or false, which cannot be split")
        if not math.isfinite(op.at_zero):
            raise self._refused(instruction, f"begins at {op.name}(0), which is not finite")
        context = (self._gate(instruction),) if op.name == "mul" else op.context
        return tuple(None if place in context else name for place, name in enumerate(args))

    def _gate(self, product: Instruction) -> int:
        """Which factor is context."""
        ranks = [self._ranks[factor] for factor in product.args]
        if min(ranks) < _MOVES:
            return 0 if ranks[0] < ranks[1] else 1
        gates = [self.bounds[factor].nonnegative for factor in product.args]
        if gates[0] == gates[1]:
            a, b = (self.written(factor) for factor in product.args)
            both = "both cannot" if gates[0] else "neither is known not to"
            raise self._refused(product, f"multiplies {a} and {b}, of which {both} be negative: which is the gate?")
        return gates.index(True)

    def passed(self, instruction: Instruction, signals: Signals, result: Operand, *arguments: Operand) -> Operand:
        """The result for these signals, without the value of a curve at zero."""
        rule = OPS[instruction.op].linear
        assert rule is not None
        return rule(signals, result, *arguments)

    def reached(self, start: str) -> set[str]:
        """The values that depend on this one without passing through U, itself included."""
        reached = {start}
        for i in self.program.body:
            if i.op != "product" and reached.intersection(i.args):
                reached.add(i.name)
        return reached

    def written(self, name: str) -> str:
        """A value by its name, or as its expression."""
        return name.removesuffix("_prev") if name in map(previous, self.cell.state) else self.program.expression(name)

    def _refused(self, instruction: Instruction, why: str) -> CellError:
        expression = self.program.expression(instruction.name, top=True)
        name = "" if is_temporary(instruction.name) else f"{instruction.name} = "
        where = next((value.where for value, name in names_of(self.cell).items() if name == instruction.name), "")
        return CellError(f"{self.cell.name} cannot be split exactly: {name}{expression} {why}", where=where)


@lru_cache(maxsize=256)
def flow_of(cell: Cell) -> Flow:
    """The flow of a cell's step."""
    return Flow(cell)


@lru_cache(maxsize=256)
def kept_and_written(cell: Cell, state: str) -> Program:
    """The program whose outputs are ``keep`` and ``write``: state = keep * previous state + write, unit by unit.

    Its inputs are those of the step. What comes back through U counts as written.
    Raises CellError for a state that is kept nowhere but through U, or whose units mix or multiply.
    """
    flow = flow_of(cell)
    result = _AffineSplit(flow, previous(state)).of(flow.program.outputs[state])
    if result.slope is None:
        raise CellError(f"{cell.name} keeps nothing of {state} but through U: it has no memory to follow")
    return _program(flow, f"{cell.name}_{state}_memory", {"keep": result.slope, "write": result.rest})


@lru_cache(maxsize=256)
def read_out(cell: Cell, state: str) -> Program:
    """The program whose outputs are ``read`` and ``rest``: output = read * new state + rest, unit by unit.

    Curves are read along their secant from zero.
    Raises CellError for a state whose new value the output does not read, or whose units mix or multiply on the way.
    """
    flow = flow_of(cell)
    result = _AffineSplit(flow, flow.program.outputs[state]).of(flow.program.outputs[cell.state[0]])
    if result.slope is None:
        raise CellError(f"the output {cell.state[0]} of {cell.name} does not read the new {state}")
    return _program(flow, f"{cell.name}_{state}_read", {"read": result.slope, "rest": result.rest})


def _program(flow: Flow, name: str, outputs: dict[str, Operand]) -> Program:
    return lower(name, flow.program.inputs, outputs, flow.names)


class _Affine(NamedTuple):
    """slope * (the followed value) + rest; slope is None where the value does not depend on it."""

    slope: Operand | None
    rest: Operand


class _AffineSplit:
    """The values of a step as lines in one of them."""

    def __init__(self, flow: Flow, followed: str) -> None:
        self.flow, self.followed = flow, followed
        self.reached = flow.reached(followed)
        self._lines: dict[str, _Affine] = {}

    def of(self, name: str) -> _Affine:
        """One value as a line."""
        if name == self.followed:
            return _Affine(1.0, 0.0)
        if name not in self.reached:
            return _Affine(None, self.flow.values[name])
        if name not in self._lines:
            self._lines[name] = self._line_of(name)
        return self._lines[name]

    def _line_of(self, name: str) -> _Affine:
        i = self.flow.program.by_name[name]
        parts = [None if argument is None else self.of(argument) for argument in self.flow.signals(i)]
        if all(part is None or part.slope is None for part in parts):
            return _Affine(None, self.flow.values[name])
        if i.op in OVER_UNITS:
            text = self.flow.program.expression(name, top=True)
            raise CellError(f"{self.flow.cell.name} mixes units: {text}", hint="the split over inputs still holds")
        values = self.flow.values[name], *(self.flow.values[argument] for argument in i.args)
        slopes = tuple(None if part is None else 0.0 if part.slope is None else part.slope for part in parts)
        rests = tuple(None if part is None else part.rest for part in parts)
        passed = self.flow.passed(i, rests, *values)
        return _Affine(self.flow.passed(i, slopes, *values), plus(passed, OPS[i.op].at_zero))
