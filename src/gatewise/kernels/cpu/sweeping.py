"""A compiled sweep on the tensors of one call."""

from __future__ import annotations

import ctypes

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
        numbers = self.table(arrays, steps)
        address = ctypes.addressof(numbers)
        if self.plan.few:  # threads share the units, where a step is work enough for several
            run_together(self.plan.kernel.code, address, self._team)
            return
        rows, count = self.layer.rows, wanted(self._work * (steps.stop - steps.start))
        # rows that end at different times are dealt out in small parts, so that every thread gets long and short ones
        part = -(-rows // count) if self._offsets is None else self.plan.kernel.tiles[0].rows
        run(self.plan.kernel.code, address, rows, part, count)

    def table(self, arrays: dict[str, Array], steps: slice) -> ctypes.Array[ctypes.c_int64]:
        """What the kernel is told to run these steps; it points to memory of this object."""
        names, layer = self.plan.kernel.table.sweep.arrays, self.layer
        given = arrays | self._noise
        given |= self._between([name for name in names if name not in given])
        offsets = 0 if self._offsets is None else self._offsets.data_ptr()
        time = (layer.steps, steps.start, steps.stop)
        team = (
            (self._early(steps.stop - steps.start), self._new_barrier(), yield_address()) if self.plan.few else (0,) * 3
        )
        sizes = (*time, layer.rows, layer.x.shape[1], layer.units, offsets, *team)
        return self.plan.kernel.table.filled(sizes, given, self._addresses)

    def _early(self, steps: int) -> int:
        """Make room for the input's part of the sums of as many steps as fit, and say how many those are."""
        tiles, stages = self.plan.kernel.tiles, self.plan.kernel.table.sweep.stages
        rows, units = self.layer.rows, self.layer.units
        sizes = [
            rows * -(-units // tile.lanes) * tile.lanes * tile.sums if early_products(stage) else 0
            for tile, stage in zip(tiles, stages, strict=True)
        ]
        if not any(sizes):
            return steps
        chunk = max(1, min(steps, _EARLY_BYTES // (sum(sizes) * self.layer.x.itemsize)))
        if len(self._sums) < chunk * sum(sizes):
            self._sums = self.layer.x.new_empty(chunk * sum(sizes))
        start = self._sums.data_ptr()
        for name, size in zip(self.plan.kernel.table.sums, sizes, strict=True):
            self._addresses[name] = start
            start += chunk * size * self._sums.itemsize
        return chunk

    def _new_barrier(self) -> int:
        self._team = min(together(self._work), -(-self.layer.units // self.plan.kernel.tiles[0].lanes))
        self._barrier = (ctypes.c_int64 * barrier_numbers(self._team))()
        return ctypes.addressof(self._barrier)

    def _between(self, names: list[str]) -> dict[str, Array]:
        """Scratch for arrays that only live between the stages of a step."""
        rows, units = self.layer.rows, self.layer.units
        if len(self._scratch) < len(names):
            self._scratch = self.layer.states.new_empty(len(names), rows, units)
        return {name: held(pointer, units) for name, pointer in zip(names, pointers(self._scratch), strict=False)}
