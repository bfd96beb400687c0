"""A compiled sweep on the tensors of one call."""

from __future__ import annotations

import ctypes

from ...compiler.stages import bias_of
from ...equation import Cell
from ..layer import Layer
from .arrays import held, noise_arrays, pointers
from .pack import pack
from .plans import Plan
from .table import Array
from .threads import run, wanted


class Sweeping:
    """Weights packed, scratch given to arrays that only live between stages: ready to run over parts of time."""

    def __init__(self, plan: Plan, cell: Cell, layer: Layer) -> None:
        self.plan, self.layer = plan, layer
        units, table = layer.units, plan.kernel.table
        self._work = len(layer.x) // max(1, layer.steps) * plan.packing.size  # of a step
        self._panels = pack(plan.packing, layer.W, layer.U, wanted(self._work * layer.steps))
        self._noise = noise_arrays(cell, layer)
        self._offsets = None if layer.batch_sizes is None else layer.offsets()
        self._scratch = layer.states.new_empty(0)
        biases = [bias_of(gate) for gate in cell.gates if gate.has_bias]
        self._addresses = dict(zip(biases, pointers(layer.b.view(-1, units)), strict=True))
        self._addresses |= dict(zip(cell.per_unit, pointers(layer.per_unit), strict=True))
        first, size = self._panels.data_ptr(), self._panels.itemsize
        starts = (first + start * size for start in plan.packing.starts)
        self._addresses |= dict(zip(table.panels, starts, strict=True))

    def run(self, arrays: dict[str, Array], steps: slice) -> None:
        """These steps of time, whose arrays lie there."""
        table, rows = self.plan.kernel.table, self.layer.rows
        given = arrays | self._noise
        given |= self._between([name for name in table.sweep.arrays if name not in given])
        offsets = 0 if self._offsets is None else self._offsets.data_ptr()
        sizes = (self.layer.steps, steps.start, steps.stop, rows, self.layer.x.shape[1], self.layer.units, offsets)
        numbers = table.filled(sizes, given, self._addresses)
        count = wanted(self._work * (steps.stop - steps.start))
        grain = self.plan.kernel.tiles[0].rows
        # rows that end at different times are dealt out in small parts, so that every thread gets long and short ones
        part = grain if offsets else -(-rows // count)
        run(self.plan.kernel.code, ctypes.addressof(numbers), rows, part, count)

    def _between(self, names: list[str]) -> dict[str, Array]:
        """Scratch for arrays that only live between the stages of a step."""
        rows, units = self.layer.rows, self.layer.units
        if len(self._scratch) < len(names):
            self._scratch = self.layer.states.new_empty(len(names), rows, units)
        return {name: held(pointer, units) for name, pointer in zip(names, pointers(self._scratch), strict=False)}
