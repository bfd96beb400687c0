"""The pointwise body of a stage on the sums of its products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llvmlite import ir

from ...compiler.render.llvm import emit as emit_program
from ...compiler.render.llvm_math import I64, Lanes
from ...compiler.stages import Stage
from .blocking import AVX512, Tile
from .loops import loop
from .writer import POINTER, Writer


class Body:
    """The body function: the pointwise program for each row and vector of a tile, with and without a ragged end."""

    def __init__(self, writer: Writer, stage: Stage, tile: Tile, name: str, tail: ir.Function) -> None:
        self.writer, self.stage, self.tile, self.tail = writer, stage, tile, tail
        self.function, self.builder = writer.function(name, POINTER, POINTER, POINTER, I64, I64, I64)
        self.lanes = Lanes(self.builder, writer.format, tile.lanes, wide=tile.lanes * writer.format.bytes == AVX512)

    def emit(self) -> ir.Function:
        """The function of (table, places, sums, first unit, first row, number of rows)."""
        builder, lanes = self.builder, I64(self.tile.lanes)
        table, _, _, unit, first_row, rows = self.function.args
        units = self.writer.slot(builder, table, "units")
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
            values[name] = self._loaded(table, places, name, row, unit, left)
        values = emit_program(stage.body, values, self.lanes)
        stores = {**stage.keeps, **stage.body.outputs}
        for name, value in stores.items():
            self._store(values[value], self._array(places, name, row, unit), left)

    def _loaded(self, table: Any, places: Any, name: str, row: Any, unit: Any, left: Any) -> Any:
        sweep = self.writer.sweep
        if name in sweep.means:
            start = self.writer.row(self.builder, places, name, row)
            return self.lanes.splat(self.builder.load(start, typ=self.writer.format.scalar))
        address = self._vector(table, name, unit) if name in sweep.vectors else self._array(places, name, row, unit)
        return self._load(address, left)

    def _vector(self, table: Any, name: str, unit: Any) -> Any:
        return self.writer.element(self.builder, self.writer.pointer(self.builder, table, name), unit)

    def _array(self, places: Any, name: str, row: Any, unit: Any) -> Any:
        return self.writer.element(self.builder, self.writer.row(self.builder, places, name, row), unit)

    def _load(self, address: Any, left: Any) -> Any:
        if left is None:
            return self.builder.load(address, typ=self.lanes.vector, align=self.writer.format.bytes)
        temporary = self._temporary()
        self.builder.call(self.tail, (address, temporary, left))
        return self.builder.load(temporary, typ=self.lanes.vector)

    def _store(self, value: Any, address: Any, left: Any) -> None:
        if left is None:
            self.builder.store(value, address, align=self.writer.format.bytes)
            return
        temporary = self._temporary()
        self.builder.store(value, temporary)
        self.builder.call(self.tail, (temporary, address, left))

    def _temporary(self) -> Any:
        """One vector on the stack, zero where nothing is copied into it; allocated once, in the entry block."""
        with self.builder.goto_entry_block():
            temporary = self.builder.alloca(self.lanes.vector)
        self.builder.store(self.lanes.constant(0.0), temporary)
        return temporary


def emit_means(writer: Writer, means: Mapping[str, str], name: str, lanes: int) -> ir.Function:
    """A function of (table, places, row) that writes each mean at the start of its own row.

    Sums run over whole vectors, then over what is left, in an order that depends on H alone.
    """
    function, builder = writer.function(name, POINTER, POINTER, I64)
    table, places, row = function.args
    units = writer.slot(builder, table, "units")
    whole = builder.mul(builder.udiv(units, I64(lanes)), I64(lanes))
    write = Lanes(builder, writer.format, lanes)
    count = builder.sitofp(units, writer.format.scalar)
    for result, operand in means.items():
        start = writer.row(builder, places, operand, row)
        total = _sum(writer, builder, write, start, whole, units)
        builder.store(builder.fdiv(total, count), writer.row(builder, places, result, row))
    builder.ret_void()
    return function


def _sum(writer: Writer, builder: ir.IRBuilder, write: Lanes, start: Any, whole: Any, units: Any) -> Any:
    scalar = writer.format.scalar
    with builder.goto_entry_block():
        vector_sum, sum_ = builder.alloca(write.vector), builder.alloca(scalar)
    builder.store(write.constant(0.0), vector_sum)
    with loop(builder, I64(0), whole, write.count) as unit:
        part = builder.load(writer.element(builder, start, unit), typ=write.vector, align=writer.format.bytes)
        builder.store(builder.fadd(builder.load(vector_sum, typ=write.vector), part), vector_sum)
    lanes = builder.load(vector_sum, typ=write.vector)
    total = builder.extract_element(lanes, I64(0))
    for lane in range(1, write.count):
        total = builder.fadd(total, builder.extract_element(lanes, I64(lane)))
    builder.store(total, sum_)
    with loop(builder, whole, units, 1) as unit:
        part = builder.load(writer.element(builder, start, unit), typ=scalar)
        builder.store(builder.fadd(builder.load(sum_, typ=scalar), part), sum_)
    return builder.load(sum_, typ=scalar)
