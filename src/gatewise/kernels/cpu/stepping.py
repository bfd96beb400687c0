"""One layer carried on step by step: everything that does not change from step to step is done once."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...compiler.stages import INPUT
from ...equation import Cell, previous
from ..driver import Halves
from ..layer import Layer
from .arrays import before, input_arrays, now, pointers
from .few_rows import ROWS as FEW_ROWS
from .plan import Sweeping, forward_plan
from .table import Array

_STEP = slice(0, 1)


class KernelStepper:
    """The kernel of one layer, bound to its weights as they are now; see :class:`..driver.Stepper`.

    The states are there twice, so there are two tables of numbers for the kernel, by turns. states: where they are
    kept, rows any distance apart; without it, memory of its own that begins with those of the layer.
    """

    def __init__(self, cell: Cell, layer: Layer, states: Tensor | None = None) -> None:
        rows, inputs, units = layer.rows, layer.inputs, layer.units
        few = rows <= FEW_ROWS
        plan = forward_plan(cell, layer.x.dtype, False, few, inputs, units)
        self.cell, self._layer = cell, layer
        self.states = torch.stack((layer.states, layer.states)) if states is None else states
        self._sweeping = Sweeping(plan, cell, layer)  # owns what the tables point to
        self._tables = [self._table(cell, layer, half) for half in (0, 1)]
        self._slots = plan.kernel.table.slots
        size = layer.x.itemsize  # where the numbers of a row are that the step reads itself, from its beginning
        columns = [(name, at * size) for at, name in enumerate(cell.row_inputs, inputs)]
        self._columns = tuple((self._slots[name], offset) for name, offset in columns if name in self._slots)
        self.steps = [_bound(plan.kernel.code.run, numbers, 1 if few else rows) for numbers in self._tables]

    def _table(self, cell: Cell, layer: Layer, half: int) -> ctypes.Array[ctypes.c_int64]:
        row = self.states.stride(-2)
        arrays = input_arrays(cell, layer.x)
        old, new = (pointers(states) for states in (self.states[half], self.states[1 - half]))
        for name, was, becomes in zip(cell.state, old, new, strict=True):
            arrays[name] = now(becomes, row)
            arrays[previous(name)] = before(becomes, row, was)
        return self._sweeping.table(arrays, _STEP)

    def reads(self, name: str) -> bool:
        """Whether a step reads this array."""
        return name in self._slots or (name == INPUT and bool(self._columns))

    def read_from(self, name: str, source: Halves) -> None:
        """From now on read it from there."""
        for feed, rows in zip(self.feeds(name), source, strict=True):
            feed(rows)

    def feeds(self, name: str) -> list[Callable[[Tensor], None]]:
        """For each half, a function that puts the address of rows into its table."""
        slot = self._slots.get(name, 0) + (0 if name == INPUT else Array._fields.index("edge"))
        columns = self._columns if name == INPUT else ()

        def feed_of(numbers: ctypes.Array[ctypes.c_int64]) -> Callable[[Tensor], None]:
            def feed(rows: Tensor) -> None:
                numbers[slot] = rows.data_ptr()

            def feed_columns(rows: Tensor) -> None:
                if name in self._slots:
                    feed(rows)
                for own, offset in columns:
                    numbers[own] = rows.data_ptr() + offset

            return feed_columns if columns else feed

        return [feed_of(numbers) for numbers in self._tables]

    def outputs(self, half: int) -> Tensor:
        """What the step that reads this half writes, (B, H)."""
        return self.states[1 - half, 0]


def _bound(run: Any, numbers: ctypes.Array[ctypes.c_int64], items: int) -> Callable[[], object]:
    """A call of the kernel. Its arguments are made for C once, which would take a third of a small step each time."""
    return partial(run, *map(ctypes.c_int64, (ctypes.addressof(numbers), 0, items)))
