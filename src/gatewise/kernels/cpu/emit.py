"""A sweep as an LLVM module: loops over time, stages, blocks of units and rows, with the step in the middle.

For every stage there is one ``tile`` function for each number of rows, which sums products in registers, and one
``body``, which applies the pointwise program to those sums. The order of k in a sum never depends on how rows are
grouped, so a row's result is the same bits in every batch and on every number of threads.
"""

from __future__ import annotations

from typing import Any

import torch
from llvmlite import ir

from ...compiler.render.llvm_math import I64
from ...compiler.stages import INPUT, Stage, Sweep
from .blocking import MOST_VECTORS, Machine, Tile, tile_of
from .body import Body, emit_means
from .locate import emit_locate, located, moment, step_at
from .loops import call_chosen, equal_parts, loop, smaller
from .ragged import Ragged
from .team import emit_share
from .tiles import Sums
from .writer import NOWHERE, POINTER, Writer


class SweepEmitter:
    """Writes the module of one sweep.

    It exports ``run(table, first_row, end_row)``, and ``share(task)`` for a team of OpenMP threads, where the task
    holds the table, how many rows there are and make one part, and the addresses of the two functions that tell a
    thread its number and how many there are.
    """

    def __init__(self, sweep: Sweep, dtype: torch.dtype, machine: Machine, *, most_vectors: int = MOST_VECTORS) -> None:
        self.sweep = sweep
        self.writer = Writer(sweep, dtype)
        self.tiles = [tile_of(stage, dtype, machine, most_vectors) for stage in sweep.stages]

    def emit(self) -> ir.Module:
        """The module, complete."""
        ragged = Ragged(self.writer, self.tiles[0].lanes).emit()
        stages = [
            self._stage(index, stage, tile, ragged)
            for index, (stage, tile) in enumerate(zip(self.sweep.stages, self.tiles, strict=True))
        ]
        emit_share(self.writer.module, self._run(stages))
        return self.writer.module

    def _stage(self, index: int, stage: Stage, tile: Tile, ragged: ir.Function) -> ir.Function:
        """A function of (table, places, first row, end) that runs a stage of one step."""
        body = Body(self.writer, stage, tile, f"stage{index}_body", ragged).emit()
        means = emit_means(self.writer, stage.means, f"stage{index}_means", tile.lanes) if stage.means else None
        rows = range(1, tile.rows + 1) if stage.starts else ()
        tiles = {n: Sums(self.writer, stage, tile, n, index, body).emit() for n in rows}
        function, builder = self.writer.function(f"stage{index}", POINTER, POINTER, I64, I64)
        table, places, first, end = function.args
        units, inputs = (self.writer.slot(builder, table, name) for name in ("units", "inputs"))
        if means is not None:
            with loop(builder, first, end, 1) as row:
                builder.call(means, (table, places, row))
        if not tiles:
            builder.call(body, (table, places, NOWHERE, I64(0), units, first, builder.sub(end, first)))
            builder.ret_void()
            return function
        panel = self.writer.pointer(builder, table, f"panel_{index}")
        size = panel_size(stage, tile, builder, inputs, units)
        with loop(builder, I64(0), units, tile.units) as unit:
            block = builder.mul(builder.udiv(unit, I64(tile.units)), size)
            at = self.writer.element(builder, panel, block)
            with equal_parts(builder, first, end, tile.rows) as (row, count):
                call_chosen(builder, tiles, count, (table, places, at, unit, row), f"stage{index}_tiles")
        builder.ret_void()
        return function

    def _run(self, stages: list[ir.Function]) -> ir.Function:
        locate = emit_locate(self.writer)
        function, builder = self.writer.function("run", POINTER, I64, I64, internal=False)
        table, first, end = function.args
        places = builder.alloca(I64, I64(2 * len(self.sweep.arrays)))
        begin, stop = (self.writer.slot(builder, table, name) for name in ("begin", "end"))
        with loop(builder, begin, stop, 1) as index:
            step = step_at(self.writer, builder, table, moment(self.writer, builder, begin, stop, index))
            running = smaller(builder, end, step.running)
            for start, limit in located(self.writer, builder, locate, table, places, step, first, running):
                for stage in stages:
                    builder.call(stage, (table, places, start, limit))
        builder.ret_void()
        return function


def panel_size(stage: Stage, tile: Tile, builder: ir.IRBuilder, inputs: Any, units: Any) -> Any:
    """Elements of one block of units in a stage's panel."""
    size: Any = I64(0)
    for product in stage.products:
        length = inputs if product.operand == INPUT else units
        size = builder.add(size, builder.mul(length, I64(len(product.feeds) * tile.units)))
    return size
