"""One layer carried on step by step: everything that does not change from step to step is done once."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import torch
from torch import Tensor

from ...compiler.stages import INPUT
from ...equation import Cell, previous
from ..check import checked
from ..layer import Layer
from .arrays import before, now, pointers
from .few_rows import ROWS as FEW
from .plan import Sweeping, forward_plan
from .table import Array

_STEP = slice(0, 1)


class Stepper:
    """The kernel of one layer, bound to its weights as they are now.

    The states are there twice, (2, S, B, H): a step reads one half and writes the other, so there are two tables for
    the kernel, by turns. ``run(tables[half], 0, items)`` writes ``states[1 - half]``, after the address of x has been
    put into ``numbers[half][slot(INPUT)]``. states: where they are kept, rows any distance apart; without it, memory
    of its own that begins with those of the layer.
    """

    def __init__(self, cell: Cell, layer: Layer, states: Tensor | None = None) -> None:
        layer = checked(cell, layer)
        rows, inputs, units = layer.rows, layer.x.shape[1], layer.units
        few = rows <= FEW
        plan = forward_plan(cell, layer.x.dtype, False, few, inputs, units)
        self.cell, self.layer = cell, layer
        self.states = torch.stack((layer.states, layer.states)) if states is None else states
        self._sweeping = Sweeping(plan, cell, layer)  # owns what the tables point to
        self.numbers = [self._table(cell, layer, half) for half in (0, 1)]
        self.tables = [ctypes.addressof(numbers) for numbers in self.numbers]
        self._slots = plan.kernel.table.slots
        self.run: Callable[[int, int, int], None] = plan.kernel.code.run
        self.items = 1 if few else rows

    def _table(self, cell: Cell, layer: Layer, half: int) -> ctypes.Array[ctypes.c_int64]:
        row = self.states.stride(-2)
        arrays = {INPUT: now(layer.x.data_ptr(), layer.x.shape[1])}
        old, new = (pointers(states) for states in (self.states[half], self.states[1 - half]))
        for name, was, becomes in zip(cell.state, old, new, strict=True):
            arrays[name] = now(becomes, row)
            arrays[previous(name)] = before(becomes, row, was)
        return self._sweeping.table(arrays, _STEP)

    def slot(self, name: str) -> int | None:
        """Which number is the address of an array, if there is one: of the input, or of a state one step ago, whose
        rows may lie elsewhere than among the states, but as far apart."""
        first = self._slots.get(name)
        return first if name == INPUT or first is None else first + Array._fields.index("edge")

    def outputs(self, half: int) -> Tensor:
        """What the step that reads this half writes, (B, H)."""
        return self.states[1 - half, 0]
