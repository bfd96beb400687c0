"""A sweep as an LLVM module: loops over time, stages, blocks of units and rows, with the step in the middle.

For every stage there is one ``tile`` function for each number of rows, which sums products in registers, and one
``body``, which applies the pointwise program to those sums. The order of k in a sum never depends on how rows are
grouped, so a row's result is the same bits in every batch and on every number of threads.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import torch
from llvmlite import ir

from ...compiler.render.llvm_math import I64
from ...compiler.stages import INPUT, Stage, Sweep
from .blocking import MOST_VECTORS, Machine, Tile, tile_of
from .body import Body, emit_means
from .locate import located, moment, step_at
from .loops import choose, equal_parts, loop, smaller
from .team import emit_share
from .tiles import Sums
from .writer import POINTER, Writer, copy_tail


class _Functions(NamedTuple):
    """What runs one stage: its means for a row, if it has any, and its tiles by their number of rows."""

    means: ir.Function | None
    tiles: dict[int, ir.Function]


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
        tail = copy_tail(self.writer.module, self.writer.format.scalar)
        stages = [
            self._stage(index, stage, tile, tail)
            for index, (stage, tile) in enumerate(zip(self.sweep.stages, self.tiles, strict=True))
        ]
        emit_share(self.writer.module, self._run(stages))
        return self.writer.module

    def _stage(self, index: int, stage: Stage, tile: Tile, tail: ir.Function) -> _Functions:
        means = emit_means(self.writer, stage.means, f"stage{index}_means", tile.lanes) if stage.means else None
        body = Body(self.writer, stage, tile, f"stage{index}_body", tail).emit()
        return _Functions(
            means, {n: Sums(self.writer, stage, tile, n, index, body).emit() for n in range(1, tile.rows + 1)}
        )

    def _run(self, stages: list[_Functions]) -> ir.Function:
        function, builder = self.writer.function("run", POINTER, I64, I64, internal=False)
        table, first, end = function.args
        places = builder.alloca(I64, I64(2 * len(self.sweep.arrays)))
        begin, stop = (self.writer.slot(builder, table, name) for name in ("begin", "end"))
        with loop(builder, begin, stop, 1) as index:
            step = step_at(self.writer, builder, table, moment(self.writer, builder, begin, stop, index))
            running = smaller(builder, end, step.running)
            for start, limit in located(self.writer, builder, table, places, step, first, running):
                self._step(builder, stages, table, places, start, limit)
        builder.ret_void()
        return function

    def _step(
        self, builder: ir.IRBuilder, stages: list[_Functions], table: Any, places: Any, first: Any, end: Any
    ) -> None:
        """All stages for some rows of one step."""
        units, inputs = (self.writer.slot(builder, table, name) for name in ("units", "inputs"))
        for index, (functions, stage, tile) in enumerate(zip(stages, self.sweep.stages, self.tiles, strict=True)):
            if functions.means is not None:
                with loop(builder, first, end, 1) as row:
                    builder.call(functions.means, (table, places, row))
            panel = self.writer.pointer(builder, table, f"panel_{index}")
            size = panel_size(stage, tile, builder, inputs, units)
            with loop(builder, I64(0), units, tile.units) as unit:
                block = builder.mul(builder.udiv(unit, I64(tile.units)), size)
                at = self.writer.element(builder, panel, block)
                _rows(builder, functions.tiles, (table, places, at, unit), first, end)


def _rows(builder: ir.IRBuilder, tiles: dict[int, ir.Function], where: tuple[Any, ...], first: Any, end: Any) -> None:
    """All rows of a block of units, tile by tile."""
    for start, stop, rows in equal_parts(builder, first, end, max(tiles)):
        with loop(builder, start, stop, rows) as row:
            choose(builder, rows, {n: partial(builder.call, tile, (*where, row)) for n, tile in tiles.items()})


def panel_size(stage: Stage, tile: Tile, builder: ir.IRBuilder, inputs: Any, units: Any) -> Any:
    """Elements of one block of units in a stage's panel."""
    size: Any = I64(0)
    for product in stage.products:
        length = inputs if product.operand == INPUT else units
        size = builder.add(size, builder.mul(length, I64(len(product.feeds) * tile.units)))
    return size
