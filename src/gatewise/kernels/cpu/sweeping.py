"""A compiled sweep on the tensors of one call."""

from __future__ import annotations

import ctypes
from typing import Any

from ...compiler.stages import bias_of
from ...equation import Cell
from ..layer import Layer
from .arrays import held, noise_arrays, pointers
from .barrier import barrier_numbers
from .pack import pack
from .plans import Plan
from .strips import early_products
from .table import Array
from .threads import run, run_together, together, wanted, yield_address

_EARLY_BYTES = 2**17  # of sums kept ahead, which should not drive U out of the cache of a core


class Sweeping:
    """Weights packed, scratch given to arrays that only live between stages: ready to run over parts of time."""

    def __init__(self, plan: Plan, cell: Cell, layer: Layer) -> None:
        self.plan, self.layer = plan, layer
        units, table = layer.units, plan.kernel.table
        self._work = len(layer.x) // max(1, layer.steps) * plan.packing.size  # of a step
        self._panels = pack(plan.packing, layer.W, layer.U, wanted(self._work * layer.steps))
        self._noise = noise_arrays(cell, layer)
        self._offsets = None if layer.batch_sizes is None else layer.offsets()
        self._scratch, self._sums = layer.states.new_empty(0), layer.states.new_empty(0)
        biases = [bias_of(gate) for gate in cell.gates if gate.has_bias]
        self._addresses = dict(zip(biases, pointers(layer.b.view(-1, units)), strict=True))
        self._addresses |= dict(zip(cell.per_unit, pointers(layer.per_unit), strict=True))
        first, size = self._panels.data_ptr(), self._panels.itemsize
        starts = (first + start * size for start in plan.packing.starts)
        self._addresses |= dict(zip(table.panels, starts, strict=True))
        self._addresses |= dict.fromkeys(table.sums, 0)

    def run(self, arrays: dict[str, Array], steps: slice) -> None:
        """These steps of time, whose arrays lie there."""
        table = self.plan.kernel.table
        given = arrays | self._noise
        given |= self._between([name for name in table.sweep.arrays if name not in given])
        if self.plan.few:
            self._run_few(given, steps)
        else:
            self._run_many(given, steps)

    def _run_many(self, arrays: dict[str, Array], steps: slice) -> None:
        """Threads share the rows."""
        rows, count = self.layer.rows, wanted(self._work * (steps.stop - steps.start))
        numbers = self._numbers(arrays, steps, 0, 0)
        grain = self.plan.kernel.tiles[0].rows
        # rows that end at different times are dealt out in small parts, so that every thread gets long and short ones
        part = -(-rows // count) if self._offsets is None else grain
        run(self.plan.kernel.code, ctypes.addressof(numbers), rows, part, count)

    def _run_few(self, arrays: dict[str, Array], steps: slice) -> None:
        """Threads share the units, where a step is work enough for several."""
        tiles, sweep = self.plan.kernel.tiles, self.plan.kernel.table.sweep
        early = [bool(early_products(stage)) for stage in sweep.stages]
        blocks = -(-self.layer.units // tiles[0].lanes)
        sizes = [
            self.layer.rows * blocks * tile.sums * tile.lanes * has for tile, has in zip(tiles, early, strict=True)
        ]
        chunk = steps.stop - steps.start
        if any(early):
            chunk = max(1, min(chunk, _EARLY_BYTES // (sum(sizes) * self.layer.x.itemsize)))
            if len(self._sums) < chunk * sum(sizes):
                self._sums = self.layer.x.new_empty(chunk * sum(sizes))
        starts = (self._sums.data_ptr() + chunk * sum(sizes[:i]) * self._sums.itemsize for i in range(len(sizes)))
        self._addresses |= dict(zip(self.plan.kernel.table.sums, starts, strict=True))
        count = min(together(self._work), blocks)
        barrier = (ctypes.c_int64 * barrier_numbers(count))()
        numbers = self._numbers(arrays, steps, chunk, ctypes.addressof(barrier))
        run_together(self.plan.kernel.code, ctypes.addressof(numbers), count)

    def _numbers(self, arrays: dict[str, Array], steps: slice, chunk: int, barrier: int) -> Any:
        layer = self.layer
        offsets = 0 if self._offsets is None else self._offsets.data_ptr()
        time = (layer.steps, steps.start, steps.stop)
        sizes = (*time, layer.rows, layer.x.shape[1], layer.units, offsets, chunk, barrier, yield_address())
        return self.plan.kernel.table.filled(sizes, arrays, self._addresses)

    def _between(self, names: list[str]) -> dict[str, Array]:
        """Scratch for arrays that only live between the stages of a step."""
        rows, units = self.layer.rows, self.layer.units
        if len(self._scratch) < len(names):
            self._scratch = self.layer.states.new_empty(len(names), rows, units)
        return {name: held(pointer, units) for name, pointer in zip(names, pointers(self._scratch), strict=False)}
