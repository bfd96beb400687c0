"""The pointwise body of a stage on the sums of its products."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import reduce
from typing import Any

from llvmlite import ir

from ...compiler.ops import OPS
from ...compiler.render.llvm import emit as emit_program
from ...compiler.render.llvm_math import I64, Lanes
from ...compiler.stages import Reduction, Stage
from .blocking import AVX512, Tile
from .loops import carrying, loop, smaller
from .ragged import BODY, Ends
from .writer import POINTER, Writer


class Body:
    """The body function: the pointwise program for each row and vector of a tile.

    The vector that reaches beyond the last unit, if there is one, is left to a function of the module; see
    :mod:`.ragged`.
    """

    def __init__(self, writer: Writer, stage: Stage, tile: Tile, name: str, ragged: ir.Function) -> None:
        self.writer, self.stage, self.tile, self.ragged = writer, stage, tile, ragged
        self.function, self.builder = writer.function(name, *BODY)
        self.lanes = Lanes(self.builder, writer.format, tile.lanes, wide=tile.lanes * writer.format.bytes == AVX512)
        sweep = writer.sweep
        biases = [bias for bias in stage.starts.values() if bias]
        vectors = dict.fromkeys((*biases, *(name for name in stage.loads if name in sweep.vectors)))
        numbers = [name for name in stage.loads if name in sweep.row_numbers]
        loads = [name for name in stage.loads if name not in (*vectors, *numbers)]
        self.stores = {**stage.keeps, **stage.body.outputs}
        self.ends = Ends(tuple(vectors), tuple(numbers), tuple(loads), tuple(self.stores), len(stage.starts))

    def emit(self) -> ir.Function:
        """The function of (table, places, sums, first unit, end, first row, number of rows); sums lie in the order
        (vector, row, sum)."""
        builder, lanes, writer = self.builder, self.tile.lanes, self.writer
        table, places, sums, first, end, first_row, rows = self.function.args
        units = writer.slot(builder, table, "units")
        ragged = builder.mul(builder.udiv(units, I64(lanes)), I64(lanes))  # where it would begin
        pointers = {name: writer.pointer(builder, table, name) for name in self.ends.vectors}
        at = {"sums": sums}
        with carrying(builder, first, smaller(builder, end, ragged), lanes, at) as unit:
            vectors = {name: self._load(builder, writer.element(builder, pointers[name], unit)) for name in pointers}
            with loop(builder, I64(0), rows, 1) as r:
                self._apply(places, self._sums(builder, at["sums"], r), builder.add(first_row, r), unit, vectors)
            at["sums"] = self._sums(builder, at["sums"], rows)
        there = builder.icmp_signed("<", ragged, smaller(builder, end, units))
        with builder.if_then(builder.and_(there, builder.icmp_signed("<=", first, ragged))):
            stage = self.ends.numbers(writer, f"{self.function.name}_ends")
            where = (table, places, at["sums"], ragged, first_row, rows)
            builder.call(self.ragged, (*where, stage, builder.ptrtoint(self.function, I64)))
        builder.ret_void()
        return self.function

    def _sums(self, builder: ir.IRBuilder, sums: Any, rows: Any) -> Any:
        """The sums so many rows further on."""
        index = builder.mul(rows, I64(self.ends.sums))
        return builder.gep(sums, [index], source_etype=self.lanes.vector)

    def _apply(self, places: Any, sums: Any, row: Any, unit: Any, vectors: dict[str, Any]) -> None:
        builder = self.builder
        values: dict[str, Any] = {name: vectors[name] for name in self.stage.loads if name in vectors}
        for index, (name, bias) in enumerate(self.stage.starts.items()):
            place = builder.gep(sums, [I64(index)], source_etype=self.lanes.vector)
            total = builder.load(place, typ=self.lanes.vector)
            values[name] = builder.fadd(total, vectors[bias]) if bias else total
        for name in self.ends.row_numbers:
            number = builder.load(self.writer.row(builder, places, name, row), typ=self.writer.format.scalar)
            values[name] = self.lanes.splat(number)
        for name in self.ends.loads:
            values[name] = self._load(builder, self._array(builder, places, name, row, unit))
        values = emit_program(self.stage.body, values, self.lanes)
        for name, value in self.stores.items():
            address = self._array(builder, places, name, row, unit)
            builder.store(values[value], address, align=self.writer.format.bytes)

    def _array(self, builder: ir.IRBuilder, places: Any, name: str, row: Any, unit: Any) -> Any:
        return self.writer.element(builder, self.writer.row(builder, places, name, row), unit)

    def _load(self, builder: ir.IRBuilder, address: Any) -> Any:
        return builder.load(address, typ=self.lanes.vector, align=self.writer.format.bytes)


def emit_reductions(writer: Writer, reductions: Mapping[str, Reduction], name: str, lanes: int) -> ir.Function:
    """A function of (table, places, row) that writes what is taken over units, each at the start of its own row.

    Units are joined vector by vector, then what is left, in an order that depends on H alone.
    """
    function, builder = writer.function(name, POINTER, POINTER, I64)
    table, places, row = function.args
    units = writer.slot(builder, table, "units")
    for result, reduction in reductions.items():
        target, start = (writer.row(builder, places, array, row) for array in (result, reduction.operand))
        builder.call(_reducing(writer, reduction.op, lanes), (start, target, units))
    builder.ret_void()
    return function


_NEUTRAL = {"fadd": 0.0, "maximum": -math.inf}


def _reducing(writer: Writer, op: str, count: int) -> ir.Function:
    """A function of (where the row starts, where its result goes, units), there once in a module."""
    known = writer.module.globals.get(op)
    if known is not None:
        return known
    function, builder = writer.function(op, POINTER, POINTER, I64)
    start, target, units = function.args
    spelling, scalar = OPS[op].llvm, writer.format.scalar
    lanes = Lanes(builder, writer.format, count)
    whole = builder.mul(builder.udiv(units, I64(count)), I64(count))
    parts: dict[str, Any] = {"sum": lanes.constant(_NEUTRAL[spelling])}
    with carrying(builder, I64(0), whole, count, parts) as unit:
        part = builder.load(writer.element(builder, start, unit), typ=lanes.vector, align=writer.format.bytes)
        parts["sum"] = _joined(lanes, spelling, parts["sum"], part)
    total: dict[str, Any] = {
        "sum": reduce(
            lambda a, b: _joined(lanes, spelling, a, b),
            [builder.extract_element(parts["sum"], I64(lane)) for lane in range(count)],
        )
    }
    with carrying(builder, whole, units, 1, total) as unit:
        part = builder.load(writer.element(builder, start, unit), typ=scalar)
        total["sum"] = _joined(lanes, spelling, total["sum"], part)
    result = builder.fdiv(total["sum"], builder.sitofp(units, scalar)) if op == "mean" else total["sum"]
    builder.store(result, target)
    builder.ret_void()
    return function


def _joined(lanes: Lanes, spelling: str, a: Any, b: Any) -> Any:
    """Two vectors, or two numbers, made one."""
    if spelling == "fadd":
        return lanes.builder.fadd(a, b)
    return lanes.maximum(a, b) if a.type == lanes.vector else lanes.larger_number(a, b)
