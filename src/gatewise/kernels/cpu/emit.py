"""A sweep as an LLVM module: loops over time, stages, blocks of units and rows, with the step in the middle.

For every stage there is one ``tile`` function for each number of rows, which sums products in registers, and one
``body``, which applies the pointwise program to those sums. The order of k in a sum never depends on how rows are
grouped, so a row's result is the same bits in every batch and on every number of threads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from llvmlite import ir

from ...compiler.render.llvm_math import I32, I64
from ...compiler.stages import INPUT, Stage, Sweep
from .body import Body, Tail
from .locate import locate, step_at
from .loops import loop
from .means import emit_means
from .sums import Sums
from .tile import Machine, Tile, tile_of
from .writer import POINTER, Writer


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

    def __init__(self, sweep: Sweep, dtype: torch.dtype, machine: Machine) -> None:
        self.sweep = sweep
        self.writer = Writer(sweep, dtype)
        self.tiles = [tile_of(stage, dtype, machine) for stage in sweep.stages]

    def emit(self) -> ir.Module:
        """The module, complete."""
        tail = Tail(self.writer.module, self.writer.format.scalar)
        stages = [
            self._stage(index, stage, tile, tail)
            for index, (stage, tile) in enumerate(zip(self.sweep.stages, self.tiles, strict=True))
        ]
        self._share(self._run(stages))
        return self.writer.module

    def _stage(self, index: int, stage: Stage, tile: Tile, tail: Tail) -> _Functions:
        means = emit_means(self.writer, stage.means, f"stage{index}_means", tile.lanes) if stage.means else None
        body = Body(self.writer, stage, tile, f"stage{index}_body", tail).emit()
        return _Functions(means, {rows: Sums(self.writer, stage, tile, rows, index, body).emit() for rows in tile.rows})

    def _run(self, stages: list[_Functions]) -> ir.Function:
        function, builder = self.writer.function("run", POINTER, I64, I64, internal=False)
        table, first, end = function.args
        places = builder.alloca(I64, I64(2 * len(self.sweep.arrays)))
        steps = self.writer.slot(builder, table, "steps")
        with loop(builder, I64(0), steps, 1) as index:
            time = builder.sub(builder.sub(steps, I64(1)), index) if self.sweep.backward else index
            step = step_at(self.writer, builder, table, time)
            running = _smaller(builder, end, step.running)
            # going back in time, sequences that end here have nothing behind them; going forward it does not matter
            middle = _smaller(builder, running, step.continuing) if self.sweep.backward else running
            for start, stop, ending in ((first, middle, False), (_larger(builder, first, middle), running, True)):
                with builder.if_then(builder.icmp_signed("<", start, stop)):
                    locate(self.writer, builder, table, places, step, ending=ending)
                    self._step(builder, stages, table, places, start, stop)
                if not self.sweep.backward:
                    break
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
            size = _panel_size(stage, tile, builder, inputs, units)
            with loop(builder, I64(0), units, tile.units) as unit:
                block = builder.mul(builder.udiv(unit, I64(tile.units)), size)
                at = self.writer.element(builder, panel, block)
                _rows(builder, functions.tiles, (table, places, at, unit), first, end)

    def _share(self, run: ir.Function) -> None:
        """Parts are dealt out in turn, so that all rows are done however many threads there really are."""
        function, builder = self.writer.function("share", POINTER, internal=False)
        task = [
            builder.load(builder.gep(function.args[0], [I64(index)], source_etype=I64), typ=I64) for index in range(5)
        ]
        table, rows, part = builder.inttoptr(task[0], POINTER), task[1], task[2]
        query = ir.PointerType(ir.FunctionType(I32, ()))
        number, count = (builder.sext(builder.call(builder.inttoptr(address, query), ()), I64) for address in task[3:])
        parts = builder.udiv(builder.add(rows, builder.sub(part, I64(1))), part)
        with loop(builder, number, parts, count) as index:
            first = builder.mul(index, part)
            builder.call(run, (table, first, _smaller(builder, builder.add(first, part), rows)))
        builder.ret_void()


def _rows(builder: ir.IRBuilder, tiles: dict[int, ir.Function], where: tuple[Any, ...], first: Any, end: Any) -> None:
    """Call the widest tile while it fits, then narrower ones."""
    start = first
    for count, function in tiles.items():
        whole = builder.udiv(builder.sub(end, start), I64(count))
        stop = builder.add(start, builder.mul(whole, I64(count)))
        with loop(builder, start, stop, count) as row:
            builder.call(function, (*where, row))
        start = stop


def _smaller(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    return builder.select(builder.icmp_signed("<", a, b), a, b)


def _larger(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    return builder.select(builder.icmp_signed("<", a, b), b, a)


def _panel_size(stage: Stage, tile: Tile, builder: ir.IRBuilder, inputs: Any, units: Any) -> Any:
    """Elements of one block of units in a stage's panel."""
    size: Any = I64(0)
    for product in stage.products:
        length = inputs if product.operand == INPUT else units
        size = builder.add(size, builder.mul(length, I64(len(product.feeds) * tile.units)))
    return size
