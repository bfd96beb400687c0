"""A sweep as an LLVM module: loops over time, stages, blocks of units and rows, with the step in the middle.

For every stage there is one ``tile`` function for each number of rows, which sums products in registers, and one
``body``, which applies the pointwise program to those sums. The order of k in a sum never depends on how rows are
grouped, so a row's result is the same bits in every batch and on every number of threads.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any, Generic, TypeVar

import torch
from llvmlite import ir

from ...compiler.render.llvm_math import I64
from ...compiler.stages import INPUT, Stage, Sweep
from .blocking import MOST_VECTORS, Machine, Tile, tile_of
from .body import Body, emit_reductions
from .locate import emit_locate, located, moment, step_at
from .loops import call_chosen, equal_parts, loop, smaller
from .pairs import emit_pairs
from .ragged import Ragged
from .team import emit_share
from .tiles import Sums, later_products
from .writer import NOWHERE, POINTER, Writer

Functions = TypeVar("Functions")


class Pointwise:
    """What of a stage goes row by row and unit by unit: what is taken over units first, the pairs that its products
    read, and the body on its sums."""

    def __init__(self, writer: Writer, stage: Stage, tile: Tile, index: int, ragged: ir.Function) -> None:
        self.body = Body(writer, stage, tile, f"stage{index}_body", ragged).emit()
        name = f"stage{index}_means"
        self.before = [emit_reductions(writer, stage.reductions, name, tile.lanes)] if stage.reductions else []
        if writer.pairs and later_products(stage):
            self.before.append(emit_pairs(writer, stage, f"stage{index}_pairs", tile.lanes))

    def prepare(self, builder: ir.IRBuilder, table: Any, places: Any, first: Any, end: Any) -> None:
        """What is taken over whole rows, of all of them, before anything else."""
        for function in self.before:
            with loop(builder, first, end, 1) as row:
                builder.call(function, (table, places, row))

    def add_body(
        self, builder: ir.IRBuilder, table: Any, places: Any, unit: Any, limit: Any, first: Any, end: Any
    ) -> None:
        """Of a stage without sums, for these units of all rows."""
        builder.call(self.body, (table, places, NOWHERE, unit, limit, first, builder.sub(end, first)))


class Emitter(Generic[Functions]):
    """Writes the module of one sweep: functions for each stage, and ``run``, which calls them step after step."""

    def __init__(self, sweep: Sweep, dtype: torch.dtype, tiles: list[Tile], pairs: str) -> None:
        self.sweep, self.tiles = sweep, tiles
        self.writer = Writer(sweep, dtype, pairs)

    def emit(self) -> ir.Module:
        """The module, complete."""
        ragged = Ragged(self.writer, self.tiles[0].lanes).emit()
        stages = [
            self.stage(index, Pointwise(self.writer, stage, tile, index, ragged))
            for index, (stage, tile) in enumerate(zip(self.sweep.stages, self.tiles, strict=True))
        ]
        self.run(stages)
        return self.writer.module

    def stage(self, index: int, pointwise: Pointwise) -> Functions:
        """What runs a stage of one step."""
        raise NotImplementedError

    def run(self, stages: list[Functions]) -> None:
        """The function ``run``, and the function ``share`` for a team of threads."""
        raise NotImplementedError


class SweepEmitter(Emitter[ir.Function]):
    """Writes the module of one sweep for any number of rows.

    It exports ``run(table, first_row, end_row)``, and ``share(task)`` for a team of OpenMP threads, where the task
    holds the table, how many rows there are and make one part, and the addresses of the two functions that tell a
    thread its number and how many there are.
    """

    def __init__(self, sweep: Sweep, dtype: torch.dtype, machine: Machine, *, most_vectors: int = MOST_VECTORS) -> None:
        tiles = [tile_of(stage, dtype, machine, most_vectors) for stage in sweep.stages]
        super().__init__(sweep, dtype, tiles, machine.pairs)

    def stage(self, index: int, pointwise: Pointwise) -> ir.Function:
        """A function of (table, places, first row, end)."""
        stage, tile = self.sweep.stages[index], self.tiles[index]
        rows = range(1, tile.rows + 1) if stage.starts else ()
        tiles = {n: Sums(self.writer, stage, tile, n, index, pointwise.body).emit() for n in rows}
        function, builder = self.writer.function(f"stage{index}", POINTER, POINTER, I64, I64)
        table, places, first, end = function.args
        units, inputs = (self.writer.slot(builder, table, name) for name in ("units", "inputs"))
        pointwise.prepare(builder, table, places, first, end)
        if not tiles:
            pointwise.add_body(builder, table, places, I64(0), units, first, end)
            builder.ret_void()
            return function
        panel = self.writer.pointer(builder, table, f"panel_{index}")
        size = panel_size(stage, tile, builder, self.writer.terms(builder, inputs), self.writer.terms(builder, units))
        with loop(builder, I64(0), units, tile.units) as unit:
            block = builder.mul(builder.udiv(unit, I64(tile.units)), size)
            at = self.writer.element(builder, panel, block)
            with equal_parts(builder, first, end, tile.rows) as (row, count):
                call_chosen(builder, tiles, count, (table, places, at, unit, row), f"stage{index}_tiles")
        builder.ret_void()
        return function

    def run(self, stages: list[ir.Function]) -> None:
        """``run`` of (table, first row, end)."""
        locate = emit_locate(self.writer)
        function, builder = self.writer.function("run", POINTER, I64, I64, internal=False)
        table, first, end = function.args
        places = builder.alloca(I64, I64(2 * len(self.sweep.arrays)))
        begin, stop = (self.writer.slot(builder, table, name) for name in ("begin", "end"))
        with loop(builder, begin, stop, 1) as index:
            step = step_at(self.writer, builder, table, moment(self.writer, builder, begin, stop, index))
            running = smaller(builder, end, step.running)
            for start, limit in located(self.writer, builder, locate, table, places, step, first, running):
                self._call(builder, stages, table, places, start, limit)
        builder.ret_void()
        emit_share(self.writer.module, function)

    def _call(
        self, builder: ir.IRBuilder, stages: list[ir.Function], table: Any, places: Any, first: Any, end: Any
    ) -> None:
        """A step of these rows. Stages that multiply share their weights among all rows; others are done one after
        another for each row, so that what they leave each other is still in the cache."""
        pairs = zip(stages, self.sweep.stages, strict=True)
        for multiply, together in groupby(pairs, key=lambda pair: bool(pair[1].starts)):
            called = [function for function, _ in together]
            if multiply:
                for stage in called:
                    builder.call(stage, (table, places, first, end))
            else:
                with loop(builder, first, end, 1) as row:
                    for stage in called:
                        builder.call(stage, (table, places, row, builder.add(row, I64(1))))


def panel_size(stage: Stage, tile: Tile, builder: ir.IRBuilder, inputs: Any, units: Any) -> Any:
    """Elements of one block of units in a stage's panel. inputs, units: terms of products with either."""
    size: Any = I64(0)
    for product in stage.products:
        length = inputs if product.operand == INPUT else units
        size = builder.add(size, builder.mul(length, I64(len(product.feeds) * tile.units)))
    return size
