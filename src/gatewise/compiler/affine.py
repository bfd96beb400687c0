"""A memory's law, with gates as context: new = keep * previous + write, output = read * new + rest."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ..equation import Cell, Operand, previous
from ..errors import CellError
from .flow import Flow, flow_of
from .linear import plus
from .lower import lower
from .ops import OPS
from .program import Program


@lru_cache(maxsize=256)
def kept_and_written(cell: Cell, state: str) -> Program:
    """The program whose outputs are ``keep`` and ``write``: state = keep * previous state + write, unit by unit.

    Its inputs are those of the step. What returns through U is written anew.
    Raises CellError for a state that is kept nowhere but through U, or whose units mix or multiply.
    """
    flow = flow_of(cell)
    result = _Split(flow, previous(state)).of(flow.program.outputs[state])
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
    result = _Split(flow, flow.program.outputs[state]).of(flow.program.outputs[cell.state[0]])
    if result.slope is None:
        raise CellError(f"the output {cell.state[0]} of {cell.name} does not read the new {state}")
    return _program(flow, f"{cell.name}_{state}_read", {"read": result.slope, "rest": result.rest})


def _program(flow: Flow, name: str, outputs: dict[str, Operand]) -> Program:
    return lower(name, flow.program.inputs, outputs, flow.names)


class _Line(NamedTuple):
    """slope * (what is followed) + rest; slope None where it is not in it, and rest is the whole value."""

    slope: Operand | None
    rest: Operand


class _Split:
    """The values of a step as lines in one of them."""

    def __init__(self, flow: Flow, followed: str) -> None:
        self.flow, self.followed = flow, followed
        self.reached = flow.reached(followed)
        self._made: dict[str, _Line] = {}

    def of(self, name: str) -> _Line:
        """One value as a line."""
        if name == self.followed:
            return _Line(1.0, 0.0)
        if name not in self.reached:
            return _Line(None, self.flow.values[name])
        if name not in self._made:
            self._made[name] = self._made_from(name)
        return self._made[name]

    def _made_from(self, name: str) -> _Line:
        i = self.flow.program.by_name[name]
        parts = [None if argument is None else self.of(argument) for argument in self.flow.signals(i)]
        if all(part is None or part.slope is None for part in parts):
            return _Line(None, self.flow.values[name])
        if i.op == "mean":
            text = self.flow.program.expression(name, top=True)
            raise CellError(f"{self.flow.cell.name} mixes units: {text}", hint="the split over inputs still holds")
        values = self.flow.values[name], *(self.flow.values[argument] for argument in i.args)
        slopes = tuple(None if part is None else 0.0 if part.slope is None else part.slope for part in parts)
        rests = tuple(None if part is None else part.rest for part in parts)
        passed = self.flow.passed(i, rests, *values)
        return _Line(self.flow.passed(i, slopes, *values), plus(passed, OPS[i.op].at_zero))
