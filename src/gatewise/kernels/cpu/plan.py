"""Compiled sweeps with their packed weights, kept between calls, and one bound to a layer."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import torch
from torch import Tensor

from ...compiler.stages import (
    INPUT,
    Sweep,
    backward_sweep,
    bias_of,
    forward_sweep,
    in_pairs,
    with_pairs,
)
from ...equation import Cell
from ..layer import Layer
from .arrays import held, noise_arrays, now, pointers
from .blocking import this_machine, widest
from .compile import FOR_FEW_ROWS, Kernel, compile_sweep, made_once
from .memory import lent
from .pack import Packing, pack, packing
from .paired_matrices import along_rows, words
from .table import Array
from .team import barrier_numbers
from .threads import run, run_together, together, wanted, yield_address
from .tiles import early_products

_PLANS = 512  # sizes that are remembered for each direction; each takes a few kilobytes


@dataclass(frozen=True)
class Plan:
    """A compiled sweep at one size.

    packing: how weights are packed for it. vectors: for each vector of the table whether it is in the tensor of
    biases (0) or of weights per unit (1), and its row there. few: whether it is a sweep for few rows. early: then, for
    each stage, how many numbers the input's part of its sums takes for one row and step, 0 where it has none.
    """

    kernel: Kernel
    packing: Packing
    vectors: tuple[tuple[int, int], ...]
    few: bool
    early: tuple[int, ...]

    def members(self, work: int, units: int) -> int:
        """How many threads share the units of each row, if it is a sweep for few rows. work: multiplications of a
        step."""
        if not self.few:
            return 1
        blocks = -(-units // self.kernel.tiles[0].lanes)
        return min(together(work * (blocks - blocks % 2) // blocks), blocks)  # what two can share evenly


@made_once
def _forward_kernel(cell: Cell, dtype: torch.dtype, keep: bool, vectors: int, pairs: str) -> Kernel:
    sweep = forward_sweep(cell, keep=keep)
    return compile_sweep(with_pairs(sweep) if pairs else sweep, dtype, vectors)


@made_once
def _backward_kernel(cell: Cell, dtype: torch.dtype, histories: bool, vectors: int, pairs: str) -> Kernel:
    sweep = backward_sweep(cell, histories=histories)
    return compile_sweep(with_pairs(sweep) if pairs else sweep, dtype, vectors)


@lru_cache(maxsize=_PLANS)
def forward_plan(
    cell: Cell, dtype: torch.dtype, keep: bool, few: bool, inputs: int, units: int, pairs: str = ""
) -> Plan:
    """For the forward sweep. pairs: see :func:`pairs_for`."""
    vectors = _width(forward_sweep(cell, keep=keep), dtype, few, units)
    return _planned(_forward_kernel(cell, dtype, keep, vectors, pairs), cell, few, inputs, units, transposed=True)


@lru_cache(maxsize=_PLANS)
def backward_plan(
    cell: Cell, dtype: torch.dtype, histories: bool, few: bool, inputs: int, units: int, pairs: str = ""
) -> Plan:
    """For the backward sweep. pairs: see :func:`pairs_for`."""
    histories = histories and len(cell.state) > 1  # the output's is no history of its own
    vectors = _width(backward_sweep(cell, histories=histories), dtype, few, units)
    kernel = _backward_kernel(cell, dtype, histories, vectors, pairs)
    return _planned(kernel, cell, few, inputs, units, transposed=False)


def pairs_for(layer: Layer) -> str:
    """What multiplies pairs of bfloat16 here (:class:`.blocking.Machine`), where the layer asks for it; empty where
    products are of numbers."""
    return this_machine().pairs if layer.in_halves else ""


def _width(sweep: Sweep, dtype: torch.dtype, few: bool, units: int) -> int:
    """The most vectors in one block of units, by which kernels differ."""
    return FOR_FEW_ROWS if few else widest(sweep.stages, dtype, this_machine(), units)


def _planned(kernel: Kernel, cell: Cell, few: bool, inputs: int, units: int, *, transposed: bool) -> Plan:
    stages, pairs = kernel.table.sweep.stages, kernel.table.sweep.pairs
    packed = packing(stages, kernel.tiles, cell.gates, inputs, units, transposed=transposed, pairs=pairs)
    biases = [bias_of(gate) for gate in cell.gates if gate.has_bias]
    rows = {name: (where, row) for where, names in enumerate((biases, cell.per_unit)) for row, name in enumerate(names)}
    vectors = tuple(rows[name] for name in kernel.table.sweep.vectors)
    tiles = zip(kernel.tiles, stages, strict=True)
    early = tuple(tile.padded(units) * tile.sums if early_products(stage) else 0 for tile, stage in tiles)
    return Plan(kernel, packed, vectors, few, early if few else ())


EARLY_BYTES = 2**17  # of sums kept ahead, which should not drive U out of the cache of a core


class Sweeping:
    """Weights packed, scratch given to arrays that only live between stages: ready to run over parts of time."""

    def __init__(self, plan: Plan, cell: Cell, layer: Layer) -> None:
        self.plan, self.layer = plan, layer
        self._rows, self._units, self._steps = layer.rows, layer.units, layer.steps
        self._work = len(layer.x) // max(1, self._steps) * plan.packing.size  # of a step
        self._members = plan.members(self._work, self._units)
        W, U, self._x = self._operands()
        self._panels = pack(plan.packing, W, U, wanted(self._work * self._steps))
        self._noise = noise_arrays(cell, layer.step_noise, layer.sequence_noise, layer.units)
        self._offsets = None if layer.batch_sizes is None else layer.offsets()
        self._scratch: Tensor | None = None
        self._sums: Tensor | None = None
        size = layer.dtype.itemsize
        tensors, row = (layer.b.data_ptr(), layer.per_unit.data_ptr()), self._units * size
        self._pointers = [tensors[where] + at * row for where, at in plan.vectors]
        first = self._panels.data_ptr()
        self._pointers += [first + start * size for start in plan.packing.starts]

    def _operands(self) -> tuple[Tensor, Tensor, dict[str, Array]]:
        """W and U as they are packed, and x as products read it where that is not as it is."""
        layer, sweep = self.layer, self.plan.kernel.table.sweep
        if not sweep.pairs:
            return layer.W, layer.U, {}
        W, U = (words(matrix, layer.units, transposed=not sweep.backward) for matrix in (layer.W, layer.U))
        if sweep.backward:
            return W, U, {}
        self._x_pairs = along_rows(layer.x[:, : layer.inputs])
        return W, U, {in_pairs(INPUT): now(self._x_pairs.data_ptr(), self._x_pairs.shape[1])}

    def run(self, arrays: dict[str, Array], steps: slice) -> None:
        """These steps of time, whose arrays lie there."""
        numbers = self.table(arrays, steps)
        address = ctypes.addressof(numbers)
        if self.plan.few:  # threads share the units, where a step is work enough for several
            run_together(self.plan.kernel.code, address, self._members)
            return
        rows, count = self._rows, wanted(self._work * (steps.stop - steps.start))
        # rows that end at different times are dealt out in small parts, so that every thread gets long and short ones
        part = -(-rows // count) if self._offsets is None else self.plan.kernel.tiles[0].rows
        run(self.plan.kernel.code, address, rows, part, count)

    def table(self, arrays: dict[str, Array], steps: slice) -> ctypes.Array[ctypes.c_int64]:
        """What the kernel is told to run these steps; it points to memory of this object."""
        table, layer = self.plan.kernel.table, self.layer
        known = arrays | self._noise | self._x
        known |= self._between([name for name in table.sweep.arrays if name not in known])
        offsets = 0 if self._offsets is None else self._offsets.data_ptr()
        chunk, sums = self._early(steps.stop - steps.start)
        team = (chunk, self._new_barrier(), yield_address()) if self.plan.few else (0, 0, 0)
        sizes = (self._steps, steps.start, steps.stop, self._rows, layer.inputs, self._units, offsets, *team)
        return table.filled(sizes, known, self._pointers + sums)

    def _early(self, steps: int) -> tuple[int, list[int]]:
        """Make room for the input's part of the sums of as many steps as fit: how many those are, and where each
        stage's sums begin."""
        sizes = [self._rows * numbers for numbers in self.plan.early]
        if not any(sizes):
            return steps, [0] * len(self.plan.kernel.tiles)
        size = self.layer.dtype.itemsize
        chunk = max(1, min(steps, EARLY_BYTES // (sum(sizes) * size)))
        if self._sums is None or len(self._sums) < chunk * sum(sizes):
            self._sums = self.layer.states.new_empty(chunk * sum(sizes))
        ends = accumulate((chunk * numbers * size for numbers in sizes), initial=self._sums.data_ptr())
        return chunk, list(ends)[:-1]

    def _new_barrier(self) -> int:
        self._barrier = (ctypes.c_int64 * barrier_numbers(self._members))()
        return ctypes.addressof(self._barrier)

    def _between(self, names: list[str]) -> dict[str, Array]:
        """Scratch for arrays that only live between the stages of a step, with rows for each thread."""
        if not names:
            return {}
        if self._scratch is None or len(self._scratch) < len(names):
            self._scratch = lent(self.layer.states, len(names), self._rows * self._members, self._units)
        scratch = pointers(self._scratch)
        return {name: held(pointer, self._units) for name, pointer in zip(names, scratch, strict=False)}
