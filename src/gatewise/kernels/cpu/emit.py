"""A sweep as an LLVM module: loops over time, stages, blocks of units and rows, with the step in the middle.

For every stage there is one ``tile`` function for each number of rows, which sums products in registers, and one
``body``, which applies the pointwise program to those sums. The order of k in a sum never depends on how rows are
grouped, so a row's result is the same bits in every batch and on every number of threads.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from llvmlite import ir

from ...compiler.render.llvm import emit as emit_program
from ...compiler.render.llvm_math import FLOAT32, FLOAT64, I32, I64, Lanes
from ...compiler.stages import INPUT, Product, Stage, Sweep
from .table import Array, Table
from .tile import Machine, Tile, tile_of

POINTER = ir.PointerType()
_FORMATS = {torch.float32: FLOAT32, torch.float64: FLOAT64}


class SweepEmitter:
    """Writes the module of one sweep.

    It exports ``run(table, first_row, end_row)``, and ``share(task)`` for a team of OpenMP threads, where the task
    holds the table, how many rows there are and make one part, and the addresses of the two functions that tell a
    thread its number and how many there are.
    """

    def __init__(self, sweep: Sweep, dtype: torch.dtype, machine: Machine) -> None:
        self.sweep = sweep
        self.table = Table(sweep)
        self.format = _FORMATS[dtype]
        self.tiles = [tile_of(stage, dtype, machine) for stage in sweep.stages]
        self.module = ir.Module(f"{sweep.name}_f{8 * self.format.bytes}")

    def emit(self) -> ir.Module:
        """The module, complete."""
        tail = _Tail(self.module, self.format.scalar)
        tiles: list[dict[int, ir.Function]] = []
        for index, (stage, tile) in enumerate(zip(self.sweep.stages, self.tiles, strict=True)):
            body = _Body(self, stage, tile, f"stage{index}_body", tail).emit()
            tiles.append({rows: _Sums(self, stage, tile, rows, index, body).emit() for rows in tile.rows})
        self._share(self._run(tiles))
        return self.module

    def function(self, name: str, *kinds: ir.Type, internal: bool = True) -> tuple[ir.Function, ir.IRBuilder]:
        """A new function without a result, and a builder at its entry."""
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), kinds), name)
        if internal:
            function.linkage = "internal"
        return function, ir.IRBuilder(function.append_basic_block("entry"))

    def slot(self, builder: ir.IRBuilder, table: Any, name: str, offset: int = 0) -> Any:
        """A number of the table."""
        address = builder.gep(table, [I64(self.table.slots[name] + offset)], source_etype=I64)
        return builder.load(address, typ=I64, name=name if not offset else "")

    def pointer(self, builder: ir.IRBuilder, table: Any, name: str) -> Any:
        """A pointer of the table."""
        return builder.inttoptr(self.slot(builder, table, name), POINTER)

    def element(self, builder: ir.IRBuilder, base: Any, *offsets: Any) -> Any:
        """The address ``base`` + the sum of ``offsets`` elements."""
        for offset in offsets:
            base = builder.gep(base, [offset], source_etype=self.format.scalar)
        return base

    def row(self, builder: ir.IRBuilder, places: Any, name: str, row: Any) -> Any:
        """Where a row of an array starts at the current step."""
        index = 2 * self.sweep.arrays.index(name)
        start = builder.load(builder.gep(places, [I64(index)], source_etype=I64), typ=I64)
        stride = builder.load(builder.gep(places, [I64(index + 1)], source_etype=I64), typ=I64)
        return self.element(builder, builder.inttoptr(start, POINTER), builder.mul(row, stride))

    def _run(self, tiles: list[dict[int, ir.Function]]) -> ir.Function:
        function, builder = self.function("run", POINTER, I64, I64, internal=False)
        table, first, end = function.args
        places = builder.alloca(I64, I64(2 * len(self.sweep.arrays)))
        units, inputs = self.slot(builder, table, "units"), self.slot(builder, table, "inputs")
        with loop(builder, I64(0), self.slot(builder, table, "steps"), 1) as step:
            self._locate(builder, table, places, step)
            for index, (stage, tile) in enumerate(zip(self.sweep.stages, self.tiles, strict=True)):
                panel, size = (
                    self.pointer(builder, table, f"panel_{index}"),
                    panel_size(stage, tile, builder, inputs, units),
                )
                with loop(builder, I64(0), units, tile.units) as unit:
                    block = builder.mul(builder.udiv(unit, I64(tile.units)), size)
                    at = self.element(builder, panel, block)
                    self._rows(builder, tiles[index], (table, places, at, unit), first, end)
        builder.ret_void()
        return function

    def _share(self, run: ir.Function) -> None:
        """Parts are dealt out in turn, so that all rows are done however many threads there really are."""
        function, builder = self.function("share", POINTER, internal=False)
        task = [
            builder.load(builder.gep(function.args[0], [I64(index)], source_etype=I64), typ=I64) for index in range(5)
        ]
        table, rows, part = builder.inttoptr(task[0], POINTER), task[1], task[2]
        query = ir.PointerType(ir.FunctionType(I32, ()))
        number, count = (builder.sext(builder.call(builder.inttoptr(address, query), ()), I64) for address in task[3:])
        parts = builder.udiv(builder.add(rows, builder.sub(part, I64(1))), part)
        with loop(builder, number, parts, count) as index:
            first = builder.mul(index, part)
            beyond = builder.add(first, part)
            end = builder.select(builder.icmp_signed("<", beyond, rows), beyond, rows)
            builder.call(run, (table, first, end))
        builder.ret_void()

    def _locate(self, builder: ir.IRBuilder, table: Any, places: Any, step: Any) -> None:
        """Work out, once a step, where each array's rows are."""
        width = I64(self.format.bytes)
        for index, name in enumerate(self.sweep.arrays):
            start, stride, row, edge, edge_row, edge_at = (
                self.slot(builder, table, name, offset) for offset in range(len(Array._fields))
            )
            inside = builder.add(start, builder.mul(builder.mul(step, stride), width))
            at_edge = builder.icmp_signed("==", step, edge_at)
            for offset, (there, here) in enumerate(((edge, inside), (edge_row, row))):
                address = builder.gep(places, [I64(2 * index + offset)], source_etype=I64)
                builder.store(builder.select(at_edge, there, here), address)

    def _rows(
        self, builder: ir.IRBuilder, tiles: dict[int, ir.Function], where: tuple[Any, ...], first: Any, end: Any
    ) -> None:
        """Call the widest tile while it fits, then narrower ones."""
        start = first
        for count, function in tiles.items():
            whole = builder.udiv(builder.sub(end, start), I64(count))
            stop = builder.add(start, builder.mul(whole, I64(count)))
            with loop(builder, start, stop, count) as row:
                builder.call(function, (*where, row))
            start = stop


class _Sums:
    """The tile function: every product in order, summed in registers; then the body, which adds the biases."""

    def __init__(self, sweep: SweepEmitter, stage: Stage, tile: Tile, rows: int, index: int, body: ir.Function) -> None:
        self.sweep, self.stage, self.tile, self.rows, self.body = sweep, stage, tile, rows, body
        kinds = (POINTER, POINTER, POINTER, I64, I64)
        self.function, self.builder = sweep.function(f"stage{index}_tile{rows}", *kinds)
        self.lanes = Lanes(self.builder, sweep.format, tile.lanes)

    def emit(self) -> ir.Function:
        builder = self.builder
        table, places, panel, unit, row = self.function.args
        sums = {key: builder.alloca(self.lanes.vector, name=key[0]) for key in self._keys()}
        for place in sums.values():
            builder.store(self.lanes.constant(0.0), place)
        for product in self.stage.products:
            panel = self._product(product, sums, table, places, panel, row)
        spill = builder.alloca(self.lanes.vector, I64(len(sums)))
        for position, place in enumerate(sums.values()):
            address = builder.gep(spill, [I64(position)], source_etype=self.lanes.vector)
            builder.store(builder.load(place, typ=self.lanes.vector), address)
        builder.call(self.body, (table, places, spill, unit, row, I64(self.rows)))
        builder.ret_void()
        return self.function

    def _keys(self) -> list[tuple[str, int, int]]:
        """(sum, row, vector), in the order in which the body reads them."""
        return [(s, r, v) for r in range(self.rows) for v in range(self.tile.vectors) for s in self.stage.starts]

    def _product(self, product: Product, sums: dict[Any, Any], table: Any, places: Any, panel: Any, row: Any) -> Any:
        """Add one product; the place in the panel where the next one starts."""
        builder, tile = self.builder, self.tile
        length = self.sweep.slot(builder, table, "inputs" if product.operand == INPUT else "units")
        width = len(product.feeds) * tile.units
        rows = [self.sweep.row(builder, places, product.operand, builder.add(row, I64(r))) for r in range(self.rows)]
        with loop(builder, I64(0), length, 1) as k:
            at = self.sweep.element(builder, panel, builder.mul(k, I64(width)))
            weights = {
                (name, v): self._weight(at, (position * tile.vectors + v) * tile.lanes)
                for position, name in enumerate(product.feeds)
                for v in range(tile.vectors)
            }
            for r, start in enumerate(rows):
                scalar = builder.load(self.sweep.element(builder, start, k), typ=self.sweep.format.scalar)
                operand = self.lanes.splat(scalar)
                for (name, v), weight in weights.items():
                    place = sums[name, r, v]
                    total = self.lanes.fma(operand, weight, builder.load(place, typ=self.lanes.vector))
                    builder.store(total, place)
        return self.sweep.element(builder, panel, builder.mul(length, I64(width)))

    def _weight(self, at: Any, offset: int) -> Any:
        address = self.sweep.element(self.builder, at, I64(offset))
        return self.builder.load(address, typ=self.lanes.vector, align=self.sweep.format.bytes)


class _Body:
    """The body function: the pointwise program for each row and vector of a tile, with and without a ragged end."""

    def __init__(self, sweep: SweepEmitter, stage: Stage, tile: Tile, name: str, tail: _Tail) -> None:
        self.sweep, self.stage, self.tile, self.tail = sweep, stage, tile, tail
        self.function, self.builder = sweep.function(name, POINTER, POINTER, POINTER, I64, I64, I64)
        self.lanes = Lanes(self.builder, sweep.format, tile.lanes)

    def emit(self) -> ir.Function:
        builder, lanes = self.builder, I64(self.tile.lanes)
        table, _, _, unit, first_row, rows = self.function.args
        units = self.sweep.slot(builder, table, "units")
        with loop(builder, I64(0), rows, 1) as r:
            for v in range(self.tile.vectors):
                at = builder.add(unit, I64(v * self.tile.lanes))
                left = builder.sub(units, at)
                position = builder.add(builder.mul(r, I64(self.tile.vectors)), I64(v))
                with builder.if_else(builder.icmp_signed(">=", left, lanes)) as (whole, ragged):
                    with whole:
                        self._apply(builder.add(first_row, r), at, position, None)
                    with ragged, builder.if_then(builder.icmp_signed(">", left, I64(0))):
                        self._apply(builder.add(first_row, r), at, position, left)
        builder.ret_void()
        return self.function

    def _apply(self, row: Any, unit: Any, position: Any, left: Any) -> None:
        builder, stage, vector = self.builder, self.stage, self.lanes.vector
        table, places, spill = self.function.args[:3]
        values: dict[str, Any] = {}
        for index, (name, bias) in enumerate(stage.starts.items()):
            slot = builder.add(builder.mul(position, I64(self.tile.sums)), I64(index))
            total = builder.load(builder.gep(spill, [slot], source_etype=vector), typ=vector)
            values[name] = total if not bias else builder.fadd(total, self._load(self._vector(table, bias, unit), left))
        for name in stage.loads:
            is_vector = name in self.sweep.sweep.vectors
            address = self._vector(table, name, unit) if is_vector else self._array(places, name, row, unit)
            values[name] = self._load(address, left)
        values = emit_program(stage.body, values, self.lanes)
        stores = {name: name for name in stage.keeps} | dict(stage.body.outputs)
        for name, value in stores.items():
            self._store(values[value], self._array(places, name, row, unit), left)

    def _vector(self, table: Any, name: str, unit: Any) -> Any:
        return self.sweep.element(self.builder, self.sweep.pointer(self.builder, table, name), unit)

    def _array(self, places: Any, name: str, row: Any, unit: Any) -> Any:
        return self.sweep.element(self.builder, self.sweep.row(self.builder, places, name, row), unit)

    def _load(self, address: Any, left: Any) -> Any:
        if left is None:
            return self.builder.load(address, typ=self.lanes.vector, align=self.sweep.format.bytes)
        temporary = self._temporary()
        self.builder.call(self.tail.copy, (address, temporary, left))
        return self.builder.load(temporary, typ=self.lanes.vector)

    def _store(self, value: Any, address: Any, left: Any) -> None:
        if left is None:
            self.builder.store(value, address, align=self.sweep.format.bytes)
            return
        temporary = self._temporary()
        self.builder.store(value, temporary)
        self.builder.call(self.tail.copy, (temporary, address, left))

    def _temporary(self) -> Any:
        """One vector on the stack, zero where nothing is copied into it; allocated once, in the entry block."""
        with self.builder.goto_entry_block():
            temporary = self.builder.alloca(self.lanes.vector)
        self.builder.store(self.lanes.constant(0.0), temporary)
        return temporary


class _Tail:
    """Copies of fewer elements than a vector has, one at a time."""

    def __init__(self, module: ir.Module, scalar: ir.Type) -> None:
        kind = ir.FunctionType(ir.VoidType(), (POINTER, POINTER, I64))
        self.copy = ir.Function(module, kind, "copy_tail")
        self.copy.linkage = "internal"
        self.copy.attributes.add("noinline")
        builder = ir.IRBuilder(self.copy.append_basic_block("entry"))
        source, target, count = self.copy.args
        with loop(builder, I64(0), count, 1) as index:
            value = builder.load(builder.gep(source, [index], source_etype=scalar), typ=scalar)
            builder.store(value, builder.gep(target, [index], source_etype=scalar))
        builder.ret_void()


def panel_size(stage: Stage, tile: Tile, builder: ir.IRBuilder, inputs: Any, units: Any) -> Any:
    """Elements of one block of units in a stage's panel."""
    size: Any = I64(0)
    for product in stage.products:
        length = inputs if product.operand == INPUT else units
        size = builder.add(size, builder.mul(length, I64(len(product.feeds) * tile.units)))
    return size


@contextmanager
def loop(builder: ir.IRBuilder, start: Any, stop: Any, step: Any) -> Generator[Any, None, None]:
    """``for index in range(start, stop, step)`` around what is written inside."""
    before = builder.block
    test = builder.append_basic_block("loop")
    inside = builder.append_basic_block("inside")
    after = builder.append_basic_block("after")
    builder.branch(test)
    builder.position_at_end(test)
    index = builder.phi(I64)
    index.add_incoming(start, before)
    builder.cbranch(builder.icmp_signed("<", index, stop), inside, after)
    builder.position_at_end(inside)
    yield index
    following = builder.add(index, I64(step) if isinstance(step, int) else step)
    index.add_incoming(following, builder.block)
    builder.branch(test)
    builder.position_at_end(after)
