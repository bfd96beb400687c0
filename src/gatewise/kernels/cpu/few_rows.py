"""A sweep over few rows, too few to fill a tile: one sequence, or two or three.

What the input contributes is summed up for many steps at once, ahead of them. A step then only multiplies with U,
several blocks of units at a time. Threads share the units, not the rows, and wait for each other once a stage.
Every sum is taken in the order that :mod:`.emit` takes it in, forward; so results are the same bits.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import torch
from llvmlite import ir

from ...compiler.render.llvm_math import I64
from ...compiler.stages import INPUT, Stage, Sweep
from .blocking import Machine, Tile, narrow_tile_of
from .body import Body, emit_means
from .emit import panel_size
from .locate import located, moment, row_at, step_at
from .loops import choose, equal_parts, loop, smaller
from .team import emit_barrier, emit_team
from .tiles import EarlySums, Strips, early_products
from .writer import POINTER, Writer, copy_tail

# The most rows that are few.
ROWS = 3


class _Functions(NamedTuple):
    """What runs one stage: early sums by their rows, strips by :func:`_key` of rows and blocks."""

    means: ir.Function | None
    early: dict[int, ir.Function]
    strips: dict[int, ir.Function]


class _Blocks(NamedTuple):
    """The blocks of units that fall to one thread."""

    low: Any
    high: Any


class FewEmitter:
    """Writes the module of one sweep for few rows.

    It exports ``run(table, number, count)``: the part of the units that falls to one of so many threads, all of
    which must be running; and ``share(task)``, by which a team of OpenMP threads calls it.
    """

    def __init__(self, sweep: Sweep, dtype: torch.dtype, machine: Machine) -> None:
        self.sweep = sweep
        self.writer = Writer(sweep, dtype)
        self.tiles = [narrow_tile_of(stage, dtype, machine) for stage in sweep.stages]

    def emit(self) -> ir.Module:
        """The module, complete."""
        tail = copy_tail(self.writer.module, self.writer.format.scalar)
        stages = [
            self._stage(index, stage, tile, tail)
            for index, (stage, tile) in enumerate(zip(self.sweep.stages, self.tiles, strict=True))
        ]
        emit_team(self.writer.module, self._run(stages))
        return self.writer.module

    def _stage(self, index: int, stage: Stage, tile: Tile, tail: ir.Function) -> _Functions:
        means = emit_means(self.writer, stage.means, f"stage{index}_means", tile.lanes) if stage.means else None
        body = Body(self.writer, stage, tile, f"stage{index}_body", tail).emit()
        early = {
            rows: EarlySums(self.writer, stage, tile, rows, index).emit()
            for rows in range(1, tile.rows + 1)
            if early_products(stage)
        }
        strips = {
            _key(rows, blocks): Strips(self.writer, stage, tile, rows, blocks, index, body).emit()
            for rows in range(1, ROWS + 1)
            for blocks in range(1, _most_blocks(tile, rows) + 1)
        }
        return _Functions(means, early, strips)

    def _run(self, stages: list[_Functions]) -> ir.Function:
        function, builder = self.writer.function("run", POINTER, I64, I64, internal=False)
        table, number, count = function.args
        places = builder.alloca(I64, I64(2 * len(self.sweep.arrays)))
        phase = builder.alloca(I64)
        builder.store(I64(0), phase)
        begin, end, chunk = (self.writer.slot(builder, table, name) for name in ("begin", "end", "chunk"))
        lanes = I64(self.tiles[0].lanes)
        blocks = builder.udiv(builder.add(self.writer.slot(builder, table, "units"), builder.sub(lanes, I64(1))), lanes)
        low = builder.udiv(builder.mul(blocks, number), count)
        mine = _Blocks(low, builder.udiv(builder.mul(blocks, builder.add(number, I64(1))), count))
        wait = partial(emit_barrier, self.writer, table=table, phase=phase, number=number, count=count)
        with loop(builder, begin, end, chunk) as start:
            stop = smaller(builder, builder.add(start, chunk), end)
            self._early(builder, stages, table, start, stop, mine)
            with loop(builder, start, stop, 1) as index:
                time = moment(self.writer, builder, begin, end, index)
                self._step(builder, stages, table, places, time, builder.sub(time, start), mine, wait)
        builder.ret_void()
        return function

    def _early(
        self, builder: ir.IRBuilder, stages: list[_Functions], table: Any, start: Any, stop: Any, mine: _Blocks
    ) -> None:
        """The input's part of all sums of a chunk of time."""
        if not any(functions.early for functions in stages):
            return
        first, end = (row_at(self.writer, builder, table, time) for time in (start, stop))
        x = self.writer.pointer(builder, table, INPUT)
        distance = self.writer.slot(builder, table, INPUT, 1)
        for index, (functions, tile) in enumerate(zip(stages, self.tiles, strict=True)):
            if not functions.early:
                continue
            with loop(builder, mine.low, mine.high, 1) as block:
                panel, _ = self._panel(builder, table, index, block)
                sums, _ = self._sums(builder, table, index, block)
                for begin, limit, rows in equal_parts(builder, first, end, tile.rows):
                    with loop(builder, begin, limit, rows) as row:
                        at = self.writer.element(builder, x, builder.mul(row, distance))
                        offset = builder.mul(builder.sub(row, first), I64(tile.sums * tile.lanes))
                        where = (table, panel, at, distance, self.writer.element(builder, sums, offset))
                        choose(
                            builder,
                            rows,
                            {n: partial(builder.call, tile, where) for n, tile in functions.early.items()},
                        )

    def _step(
        self,
        builder: ir.IRBuilder,
        stages: list[_Functions],
        table: Any,
        places: Any,
        time: Any,
        since: Any,
        mine: _Blocks,
        wait: Any,
    ) -> None:
        step = step_at(self.writer, builder, table, time)
        before = builder.sub(step.now, row_at(self.writer, builder, table, builder.sub(time, since)))
        for first, end in located(self.writer, builder, table, places, step, I64(0), step.running):
            for index, functions in enumerate(stages):
                self._rows(builder, index, functions, table, places, (first, end, before), mine)
                wait(builder)

    def _rows(
        self,
        builder: ir.IRBuilder,
        index: int,
        functions: _Functions,
        table: Any,
        places: Any,
        rows: tuple[Any, Any, Any],
        mine: _Blocks,
    ) -> None:
        """One stage of one step. rows: first, end, and how many rows of this chunk lie before the step."""
        (first, end, before), tile = rows, self.tiles[index]
        if functions.means is not None:
            with loop(builder, first, end, 1) as row:
                builder.call(functions.means, (table, places, row))
        for start, stop, count in equal_parts(builder, first, end, ROWS):
            with loop(builder, start, stop, count) as row:
                for low, high, blocks in self._parts_of_blocks(builder, tile, mine, count):
                    with loop(builder, low, high, blocks) as block:
                        panel, size = self._panel(builder, table, index, block)
                        sums, sums_size = self._sums(builder, table, index, block)
                        offset = builder.mul(builder.add(before, row), I64(tile.sums * tile.lanes))
                        early = self.writer.element(builder, sums, offset) if functions.early else sums
                        unit = builder.mul(block, I64(tile.lanes))
                        where = (table, places, panel, size, early, sums_size, unit, row)
                        key = builder.add(builder.mul(count, I64(_KEY)), blocks)
                        choose(builder, key, {n: partial(builder.call, f, where) for n, f in functions.strips.items()})

    def _parts_of_blocks(self, builder: ir.IRBuilder, tile: Tile, mine: _Blocks, rows: Any) -> Any:
        most: Any = I64(_most_blocks(tile, ROWS))
        for count in range(ROWS - 1, 0, -1):
            fits = builder.icmp_signed("==", rows, I64(count))
            most = builder.select(fits, I64(_most_blocks(tile, count)), most)
        return equal_parts(builder, mine.low, mine.high, most)

    def _panel(self, builder: ir.IRBuilder, table: Any, index: int, block: Any) -> tuple[Any, Any]:
        """Where a block's packed weights begin, and how many there are in each block."""
        units, inputs = (self.writer.slot(builder, table, name) for name in ("units", "inputs"))
        size = panel_size(self.sweep.stages[index], self.tiles[index], builder, inputs, units)
        base = self.writer.pointer(builder, table, f"panel_{index}")
        return self.writer.element(builder, base, builder.mul(block, size)), size

    def _sums(self, builder: ir.IRBuilder, table: Any, index: int, block: Any) -> tuple[Any, Any]:
        """Where a block's early sums begin, and how many there may be in each block."""
        tile = self.tiles[index]
        rows = builder.mul(self.writer.slot(builder, table, "chunk"), self.writer.slot(builder, table, "rows"))
        size = builder.mul(rows, I64(tile.sums * tile.lanes))
        base = self.writer.pointer(builder, table, f"sums_{index}")
        return self.writer.element(builder, base, builder.mul(block, size)), size


_KEY = 64


def _key(rows: int, blocks: int) -> int:
    return rows * _KEY + blocks


def _most_blocks(tile: Tile, rows: int) -> int:
    """How many blocks of units fit into registers for so many rows."""
    return max(1, tile.rows // rows)
