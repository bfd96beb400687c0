"""Which gates keep what a cell remembers, and which admit what is new: derived from the step, at rest.

At rest every pre-activation, per-unit weight and state is zero, as with W = U = 0 and no biases. Then one *knob* at a
time is varied: a gate's pre-activation, which its bias shifts, or a per-unit weight, which may be a shift.

Initialisation asks of every cell whether a state's slope is the sigmoid of one knob. Slopes are measured, since many
expressions amount to that (f, 1 - i, exp(-softplus(-f)), a gate behind a norm), and the answer may be no.
:mod:`.signals` is about a run instead: it derives keep and write as expressions that are exact at all values, wherever
it can prove which factor is the gate, and refuses a cell where it cannot.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from ..equation import Cell, Operand, previous
from .lower import lower, program_of
from .render.reference import evaluate

_POINTS = 33  # of a knob's range
_CLOSE = 1e-9


class Keeping(NamedTuple):
    """A knob k that keeps a state: d state / d previous state = sigmoid(sign * k).

    writers: other knobs on which depends how much of the candidate gets in, and whether more (1) or less (-1) as they
    rise; None where the cell names no candidate.
    """

    keeper: str
    sign: int
    writers: dict[str, int] | None


@lru_cache(maxsize=256)
def keepings(cell: Cell, reach: float) -> tuple[Keeping, ...]:
    """Every knob that keeps a state by that law, for all k in [-reach, reach]."""
    knobs = [*(gate.preactivation for gate in cell.gates), *cell.per_unit]
    with torch.inference_mode(False), torch.enable_grad():
        turned = {knob: _Turned(cell, knob, reach) for knob in knobs}
        states: dict[tuple[str, int], list[str]] = {}
        for knob, at in turned.items():
            for state in cell.state:
                if sign := at.keeps(state):
                    states.setdefault((knob, sign), []).append(state)
        return tuple(
            Keeping(knob, sign, _writers(turned, knob, kept_states) if cell.candidate else None)
            for (knob, sign), kept_states in states.items()
        )


def _writers(turned: dict[str, _Turned], keeper: str, states: list[str]) -> dict[str, int]:
    directions = {knob: sum(at.lets_in(state) for state in states) for knob, at in turned.items() if knob != keeper}
    return {knob: direction for knob, direction in directions.items() if direction}


class _Turned:
    """The step at rest but for one knob, which has every value of its range, one a row."""

    def __init__(self, cell: Cell, knob: str, reach: float) -> None:
        program = program_of(cell)
        outputs: dict[str, Operand] = dict(zip(cell.state, cell.outputs, strict=True))
        if cell.candidate:
            outputs[""] = cell.values[cell.candidate]
        program = lower(cell.name, program.inputs, outputs, cell.values)
        self.range = torch.linspace(-reach, reach, _POINTS, dtype=torch.float64)
        rest = {draw.name: draw.miss for draw in cell.noise}
        names = [*program.inputs, *(i.name for i in program.body if i.op == "product")]
        self.inputs = {name: torch.full((_POINTS, 1), rest.get(name, 0.0), dtype=torch.float64) for name in names}
        self.inputs[knob] = self.range[:, None].clone()
        for tensor in self.inputs.values():
            tensor.requires_grad_()
        inputs = {name: self.inputs[name] for name in program.inputs}
        values = evaluate(program, inputs, lambda name, operand: self.inputs[name])
        self.results = {state: values[value] for state, value in program.outputs.items()}

    def keeps(self, state: str) -> int:
        """The sign in which the knob keeps the state, 0 where it does not, or by another law."""
        slope = self._slope(state, self.inputs[previous(state)])
        laws = {sign: torch.sigmoid(sign * self.range) for sign in (1, -1)}
        return next((sign for sign, law in laws.items() if torch.allclose(slope, law, rtol=0.0, atol=_CLOSE)), 0)

    def lets_in(self, state: str) -> int:
        """Whether more (1) or less (-1) of the candidate gets into the state as the knob rises, or neither (0)."""
        slope = self._slope(state, self.results[""])
        change = float(slope[-1] - slope[0])
        return int(abs(change) > _CLOSE) * (1 if change > 0 else -1)

    def _slope(self, state: str, of: Tensor) -> Tensor:
        result = self.results[state]
        if not result.requires_grad or not of.requires_grad:
            return torch.zeros(_POINTS, dtype=torch.float64)
        (slope,) = torch.autograd.grad(result.sum(), of, retain_graph=True, allow_unused=True, materialize_grads=True)
        return slope.flatten()
