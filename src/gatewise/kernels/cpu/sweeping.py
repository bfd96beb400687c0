"""A compiled sweep on the tensors of one call."""

from __future__ import annotations

import ctypes
from itertools import accumulate

from torch import Tensor

from ...equation import Cell
from ..layer import Layer
from .arrays import held, noise_arrays, pointers
from .barrier import barrier_numbers
from .pack import pack
from .plans import Plan
from .table import Array
from .threads import run, run_together, together, wanted, yield_address

_EARLY_BYTES = 2**17  # of sums kept ahead, which should not drive U out of the cache of a core


class Sweeping:
    """Weights packed, scratch given to arrays that only live between stages: ready to run over parts of time."""

    def __init__(self, plan: Plan, cell: Cell, layer: Layer) -> None:
        self.plan, self.layer = plan, layer
        self._rows, self._units, self._steps = layer.rows, layer.units, layer.steps
        self._work = len(layer.x) // max(1, self._steps) * plan.packing.size  # of a step
        self._panels = pack(plan.packing, layer.W, layer.U, wanted(self._work * self._steps))
        self._noise = noise_arrays(cell, layer) if cell.noise else {}
        self._offsets = None if layer.batch_sizes is None else layer.offsets()
        self._scratch: Tensor | None = None
        self._sums: Tensor | None = None
        size = layer.x.itemsize
        tensors, row = (layer.b.data_ptr(), layer.per_unit.data_ptr()), self._units * size
        self._pointers = [tensors[where] + at * row for where, at in plan.vectors]
        first = self._panels.data_ptr()
        self._pointers += [first + start * size for start in plan.packing.starts]

    def run(self, arrays: dict[str, Array], steps: slice) -> None:
        """These steps of time, whose arrays lie there."""
        numbers = self.table(arrays, steps)
        address = ctypes.addressof(numbers)
        if self.plan.few:  # threads share the units, where a step is work enough for several
            run_together(self.plan.kernel.code, address, self._team)
            return
        rows, count = self._rows, wanted(self._work * (steps.stop - steps.start))
        # rows that end at different times are dealt out in small parts, so that every thread gets long and short ones
        part = -(-rows // count) if self._offsets is None else self.plan.kernel.tiles[0].rows
        run(self.plan.kernel.code, address, rows, part, count)

    def table(self, arrays: dict[str, Array], steps: slice) -> ctypes.Array[ctypes.c_int64]:
        """What the kernel is told to run these steps; it points to memory of this object."""
        table, layer = self.plan.kernel.table, self.layer
        given = arrays | self._noise
        given |= self._between([name for name in table.sweep.arrays if name not in given])
        offsets = 0 if self._offsets is None else self._offsets.data_ptr()
        chunk, sums = self._early(steps.stop - steps.start)
        team = (chunk, self._new_barrier(), yield_address()) if self.plan.few else (0, 0, 0)
        sizes = (self._steps, steps.start, steps.stop, self._rows, layer.x.shape[1], self._units, offsets, *team)
        return table.filled(sizes, given, self._pointers + sums)

    def _early(self, steps: int) -> tuple[int, list[int]]:
        """Make room for the input's part of the sums of as many steps as fit: how many those are, and where each
        stage's sums begin."""
        sizes = [self._rows * numbers for numbers in self.plan.early]
        if not any(sizes):
            return steps, [0] * len(self.plan.kernel.tiles)
        size = self.layer.x.itemsize
        chunk = max(1, min(steps, _EARLY_BYTES // (sum(sizes) * size)))
        if self._sums is None or len(self._sums) < chunk * sum(sizes):
            self._sums = self.layer.x.new_empty(chunk * sum(sizes))
        ends = accumulate((chunk * numbers * size for numbers in sizes), initial=self._sums.data_ptr())
        return chunk, list(ends)[:-1]

    def _new_barrier(self) -> int:
        self._team = min(together(self._work), -(-self._units // self.plan.kernel.tiles[0].lanes))
        self._barrier = (ctypes.c_int64 * barrier_numbers(self._team))()
        return ctypes.addressof(self._barrier)

    def _between(self, names: list[str]) -> dict[str, Array]:
        """Scratch for arrays that only live between the stages of a step."""
        if not names:
            return {}
        if self._scratch is None or len(self._scratch) < len(names):
            self._scratch = self.layer.states.new_empty(len(names), self._rows, self._units)
        scratch = pointers(self._scratch)
        return {name: held(pointer, self._units) for name, pointer in zip(names, scratch, strict=False)}
