"""A sweep over few rows, too few to fill a tile: one sequence, or two or three.

What the input contributes is summed up for many steps at once, ahead of them. A step then only multiplies with U,
several blocks of units at a time. Threads share the units, not the rows, and wait for each other once a stage.
Every sum is taken in the order that :mod:`.emit` takes it in, forward; so results are the same bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from llvmlite import ir

from ...compiler.render.llvm_math import I64
from ...compiler.stages import INPUT, Sweep, in_pairs
from .blocking import Machine, Tile, narrow_tile_of
from .emit import Emitter, Pointwise, panel_size
from .locate import emit_locate, located, moment, row_at, step_at
from .loops import call_chosen, equal_parts, loop, smaller
from .team import emit_barrier, emit_team
from .tiles import EarlySums, Strips, early_products, later_products
from .writer import POINTER

# The most rows that are few.
ROWS = 3


class _Functions(NamedTuple):
    """What runs one stage: early sums of some rows, if it has any, and its part of a step."""

    early: ir.Function | None
    step: ir.Function


class FewEmitter(Emitter[_Functions]):
    """Writes the module of one sweep for few rows.

    It exports ``run(table, number, count)``: the part of the units that falls to one of so many threads, all of
    which must be running; and ``share(task)``, by which a team of OpenMP threads calls it.
    """

    def __init__(self, sweep: Sweep, dtype: torch.dtype, machine: Machine) -> None:
        tiles = [narrow_tile_of(stage, dtype, machine) for stage in sweep.stages]
        super().__init__(sweep, dtype, tiles, machine.pairs)

    def stage(self, index: int, pointwise: Pointwise) -> _Functions:
        """Early sums, and the step."""
        return _Functions(self._early(index), self._step(index, pointwise))

    def _early(self, index: int) -> ir.Function | None:
        """A function of (table, first row, end, first block, end) for the input's part of the sums of these rows."""
        stage, tile = self.sweep.stages[index], self.tiles[index]
        if not early_products(stage):
            return None
        tiles = {rows: EarlySums(self.writer, stage, tile, rows, index).emit() for rows in _sizes(tile.rows)}
        function, builder = self.writer.function(f"early{index}", POINTER, *(I64,) * 4)
        table, first, end, low, high = function.args
        multiplied = self.sweep.multiplied(INPUT)
        x = self.writer.pointer(builder, table, multiplied)
        distance = self.writer.slot(builder, table, multiplied, 1)
        with loop(builder, low, high, 1) as block:
            panel, _ = self._panel(builder, table, index, block)
            sums, _ = self._sums(builder, table, index, block)
            start = first
            for rows, sums_of in tiles.items():
                whole = builder.mul(builder.udiv(builder.sub(end, start), I64(rows)), I64(rows))
                stop = builder.add(start, whole)
                with loop(builder, start, stop, rows) as row:
                    at = self.writer.element(builder, x, builder.mul(row, distance))
                    offset = builder.mul(builder.sub(row, first), I64(tile.sums * tile.lanes))
                    target = self.writer.element(builder, sums, offset)
                    builder.call(sums_of, (table, panel, at, distance, target))
                start = stop
        builder.ret_void()
        return function

    def _step(self, index: int, pointwise: Pointwise) -> ir.Function:
        """A function of (table, places, first row, end, rows of this chunk before them, first block, end)."""
        stage, tile = self.sweep.stages[index], self.tiles[index]
        strips = {
            _key(rows, blocks): Strips(self.writer, stage, tile, rows, blocks, index, pointwise.body).emit()
            for rows in (range(1, ROWS + 1) if stage.starts else ())
            for blocks in range(1, _most_blocks(tile, rows) + 1)
        }
        function, builder = self.writer.function(f"stage{index}", POINTER, POINTER, *(I64,) * 5)
        table, places, first, end, before, low, high = function.args
        pointwise.prepare(builder, table, places, first, end)
        if not strips:
            unit, limit = (builder.mul(block, I64(tile.lanes)) for block in (low, high))
            pointwise.add_body(builder, table, places, unit, limit, first, end)
            builder.ret_void()
            return function
        with (
            equal_parts(builder, first, end, ROWS) as (row, rows),
            equal_parts(builder, low, high, _blocks_for(builder, tile, rows)) as (block, blocks),
        ):
            panel, size = self._panel(builder, table, index, block)
            sums, sums_size = self._sums(builder, table, index, block)
            offset = builder.mul(builder.add(before, row), I64(tile.sums * tile.lanes))
            early = self.writer.element(builder, sums, offset) if early_products(stage) else sums
            unit = builder.mul(block, I64(tile.lanes))
            where = (table, places, panel, size, early, sums_size, unit, row)
            key = builder.add(builder.mul(rows, I64(_KEY)), blocks)
            call_chosen(builder, strips, key, where, f"stage{index}_strips")
        builder.ret_void()
        return function

    def run(self, stages: list[_Functions]) -> None:
        """``run`` of (table, number of the thread, how many there are)."""
        wait, locate = emit_barrier(self.writer), emit_locate(self.writer)
        function, builder = self.writer.function("run", POINTER, I64, I64, internal=False)
        table, number, count = function.args
        places = builder.alloca(I64, I64(2 * len(self.sweep.arrays)))
        phase = builder.alloca(I64)
        builder.store(I64(0), phase)
        begin, end, chunk = (self.writer.slot(builder, table, name) for name in ("begin", "end", "chunk"))
        lanes = I64(self.tiles[0].lanes)
        blocks = builder.udiv(builder.add(self.writer.slot(builder, table, "units"), builder.sub(lanes, I64(1))), lanes)
        low = builder.udiv(builder.mul(blocks, number), count)
        high = builder.udiv(builder.mul(blocks, builder.add(number, I64(1))), count)
        early = [functions.early for functions in stages if functions.early is not None]
        with loop(builder, begin, end, chunk) as start:
            stop = smaller(builder, builder.add(start, chunk), end)
            first = row_at(self.writer, builder, table, start)
            if early:
                last = row_at(self.writer, builder, table, stop)
                for sums in early:
                    builder.call(sums, (table, first, last, low, high))
            with loop(builder, start, stop, 1) as index:
                step = step_at(self.writer, builder, table, moment(self.writer, builder, begin, end, index))
                before = builder.sub(step.now, first)
                for at in located(self.writer, builder, locate, table, places, step, I64(0), step.running):
                    self._take_own_rows(builder, table, places, number)
                    for functions in stages:
                        builder.call(functions.step, (table, places, *at, before, low, high))
                        builder.call(wait, (table, phase, number, count))
        builder.ret_void()
        emit_team(self.writer.module, function)

    def _take_own_rows(self, builder: ir.IRBuilder, table: Any, places: Any, number: Any) -> None:
        """Let this thread write what it rounds into rows of its own: every thread rounds all units, and rows that two
        of them write would travel between their caches all the time."""
        if not self.writer.pairs:
            return
        operands = [product.operand for stage in self.sweep.stages for product in later_products(stage)]
        first = builder.mul(number, self.writer.slot(builder, table, "rows"))
        for operand in dict.fromkeys(operands):
            self.writer.advance(builder, places, in_pairs(operand), first)

    def _panel(self, builder: ir.IRBuilder, table: Any, index: int, block: Any) -> tuple[Any, Any]:
        """Where a block's packed weights begin, and how many there are in each block."""
        units, inputs = (self.writer.slot(builder, table, name) for name in ("units", "inputs"))
        terms = [self.writer.terms(builder, length) for length in (inputs, units)]
        size = panel_size(self.sweep.stages[index], self.tiles[index], builder, *terms)
        base = self.writer.pointer(builder, table, f"panel_{index}")
        return self.writer.element(builder, base, builder.mul(block, size)), size

    def _sums(self, builder: ir.IRBuilder, table: Any, index: int, block: Any) -> tuple[Any, Any]:
        """Where a block's early sums begin, and how many there may be in each block."""
        tile = self.tiles[index]
        rows = builder.mul(self.writer.slot(builder, table, "chunk"), self.writer.slot(builder, table, "rows"))
        size = builder.mul(rows, I64(tile.sums * tile.lanes))
        base = self.writer.pointer(builder, table, f"sums_{index}")
        return self.writer.element(builder, base, builder.mul(block, size)), size


def _sizes(most: int) -> list[int]:
    """By how many rows at once the input's part is summed up: the most, and halves of it for the last few rows of a
    chunk, which are not worth a function for every number."""
    sizes = [most]
    while sizes[-1] > 1:
        sizes.append(sizes[-1] // 2)
    return sizes


_KEY = 16  # more than there are blocks


def _key(rows: int, blocks: int) -> int:
    return rows * _KEY + blocks


def _most_blocks(tile: Tile, rows: int) -> int:
    """How many blocks of units fit into registers for so many rows."""
    return max(1, tile.rows // rows)


def _blocks_for(builder: ir.IRBuilder, tile: Tile, rows: Any) -> Any:
    """The same for a number of rows that is known when the kernel runs."""
    most: Any = I64(_most_blocks(tile, ROWS))
    for count in range(ROWS - 1, 0, -1):
        fits = builder.icmp_signed("==", rows, I64(count))
        most = builder.select(fits, I64(_most_blocks(tile, count)), most)
    return most
