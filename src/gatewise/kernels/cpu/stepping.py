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
from .few import ROWS as FEW
from .plans import forward_plan
from .sweeping import Sweeping

_STEP = slice(0, 1)


class Stepper:
    """The kernel of one layer, bound to its weights as they are now.

    The states are there twice, (2, S, B, H): a step reads one half and writes the other, so there are two tables for
    the kernel, by turns. ``run(tables[half], 0, items)`` writes ``states[1 - half]``, after the address of x has been
    put into ``numbers[half][input_slot]``.
    """

    def __init__(self, cell: Cell, layer: Layer) -> None:
        layer = checked(cell, layer)
        rows, inputs, units = layer.rows, layer.x.shape[1], layer.units
        few = rows <= FEW
        plan = forward_plan(cell, layer.x.dtype, False, few, inputs, units)
        self.states = torch.stack((layer.states, layer.states))
        self._sweeping = Sweeping(plan, cell, layer)  # owns what the tables point to
        self.numbers = [self._table(cell, layer, half) for half in (0, 1)]
        self.tables = [ctypes.addressof(numbers) for numbers in self.numbers]
        self.input_slot = plan.kernel.table.slots[INPUT]
        self.run: Callable[[int, int, int], None] = plan.kernel.code.run
        self.items = 1 if few else rows

    def _table(self, cell: Cell, layer: Layer, half: int) -> ctypes.Array[ctypes.c_int64]:
        units = layer.units
        arrays = {INPUT: now(layer.x.data_ptr(), layer.x.shape[1])}
        old, new = (pointers(states) for states in (self.states[half], self.states[1 - half]))
        for name, was, becomes in zip(cell.state, old, new, strict=True):
            arrays[name] = now(becomes, units)
            arrays[previous(name)] = before(becomes, units, was)
        return self._sweeping.table(arrays, _STEP)

    def outputs(self, half: int) -> Tensor:
        """What the step that reads this half writes, (B, H)."""
        return self.states[1 - half, 0]
