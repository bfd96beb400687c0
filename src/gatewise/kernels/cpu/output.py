"""Where a forward sweep leaves its output: in float32 or float64, or in bfloat16 as the input is."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ...compiler.stages import in_pairs
from ...equation import Cell, previous
from ..layer import Layer
from .arrays import left_in_halves, over_time
from .memory import empty, lent
from .pairs import terms
from .plan import Plan
from .table import Array


@dataclass(frozen=True)
class Output:
    """y: (N, H), for the caller. arrays: of the sweep, for the output of a step and of the step before. history: that
    of every row in the dtype of the states, (N, H); None where only the last is kept. scratch: what arrays point to."""

    y: Tensor
    arrays: dict[str, Array]
    history: Tensor | None
    scratch: Tensor | None = None

    def complete(self, last: Tensor, ends: slice | Tensor) -> None:
        """Write what the sweep did not. last: the last outputs, of which each belongs into the row of y at ``ends``."""
        if self.history is None:
            self.y[ends] = last.to(self.y.dtype)
        elif self.history is not self.y:
            self.y.copy_(self.history)


def rounds_output(cell: Cell, plan: Plan, units: int) -> bool:
    """Whether a sweep rounds the output of every step for its products, so that it can leave it in the rows of y. Not
    where threads share the units of a row, which round it each for itself."""
    return not plan.few and units % 2 == 0 and in_pairs(previous(cell.state[0])) in plan.kernel.table.sweep.arrays


def output_of(cell: Cell, layer: Layer, plan: Plan, last: Tensor) -> Output:
    """For a sweep over a layer. last: the states as they are carried on, (S, B, H)."""
    y = empty(layer.x, layer.x.shape[0], layer.units)
    if not layer.gives_halves:
        return _in_rows_of(y, cell, layer, y)
    if not rounds_output(cell, plan, layer.units):
        return _in_rows_of(lent(layer.states, *y.shape), cell, layer, y)
    initial = lent(layer.states, layer.rows, terms(layer.units))
    places = (last.data_ptr(), layer.units, y.data_ptr(), initial.data_ptr())
    return Output(y, left_in_halves(cell.state[0], *places), None, initial)


def _in_rows_of(history: Tensor, cell: Cell, layer: Layer, y: Tensor) -> Output:
    arrays = over_time(cell.state[0], history.data_ptr(), layer.units, layer.states.data_ptr())
    return Output(y, arrays, history)
