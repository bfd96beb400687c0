"""Compiled sweeps, each made once and kept: for a cell and dtype the code, for a size how weights are packed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import torch

from ...compiler.stages import Sweep, backward_sweep, bias_of, forward_sweep
from ...equation import Cell
from .compile import FEW, Kernel, compile_sweep
from .pack import Packing, packing
from .strips import early_products
from .tile import this_machine, widest

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


@cache
def _forward_kernel(cell: Cell, dtype: torch.dtype, keep: bool, vectors: int) -> Kernel:
    return compile_sweep(forward_sweep(cell, keep=keep), dtype, vectors)


@cache
def _backward_kernel(cell: Cell, dtype: torch.dtype, histories: bool, vectors: int) -> Kernel:
    return compile_sweep(backward_sweep(cell, histories=histories), dtype, vectors)


@lru_cache(maxsize=_PLANS)
def forward_plan(cell: Cell, dtype: torch.dtype, keep: bool, few: bool, inputs: int, units: int) -> Plan:
    """For the forward sweep."""
    vectors = _width(forward_sweep(cell, keep=keep), dtype, few, units)
    return _planned(_forward_kernel(cell, dtype, keep, vectors), cell, few, inputs, units, transposed=True)


@lru_cache(maxsize=_PLANS)
def backward_plan(cell: Cell, dtype: torch.dtype, histories: bool, few: bool, inputs: int, units: int) -> Plan:
    """For the backward sweep."""
    vectors = _width(backward_sweep(cell, histories=histories), dtype, few, units)
    return _planned(_backward_kernel(cell, dtype, histories, vectors), cell, few, inputs, units, transposed=False)


def _width(sweep: Sweep, dtype: torch.dtype, few: bool, units: int) -> int:
    """The most vectors in one block of units, by which kernels differ."""
    return FEW if few else widest(sweep.stages, dtype, this_machine(), units)


def _planned(kernel: Kernel, cell: Cell, few: bool, inputs: int, units: int, *, transposed: bool) -> Plan:
    stages = kernel.table.sweep.stages
    packed = packing(stages, kernel.tiles, cell.gates, inputs, units, transposed=transposed)
    biases = [bias_of(gate) for gate in cell.gates if gate.has_bias]
    rows = {name: (where, row) for where, names in enumerate((biases, cell.per_unit)) for row, name in enumerate(names)}
    vectors = tuple(rows[name] for name in kernel.table.sweep.vectors)
    tiles = zip(kernel.tiles, stages, strict=True)
    early = tuple(tile.padded(units) * tile.sums if early_products(stage) else 0 for tile, stage in tiles)
    return Plan(kernel, packed, vectors, few, early if few else ())
