"""The pointwise body of a stage on the sums of its products."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import reduce
from typing import Any, NamedTuple

from llvmlite import ir

from ...compiler.ops import OPS
from ...compiler.program import Program
from ...compiler.render.llvm import emit as emit_program
from ...compiler.render.llvm_math import I64, Lanes
from ...compiler.stages import Reduction, Stage
from .blocking import AVX512, Tile
from .loops import carrying, loop, smaller
from .ragged import BODY, Ends
from .writer import POINTER, Writer


class _Row(NamedTuple):
    """A row of a stage: where that of each array starts, and in all lanes the numbers that the whole row has.

    body: the program, without those of its values that are among the numbers.
    """

    starts: Mapping[str, Any]
    numbers: Mapping[str, Any]
    body: Program


class Body:
    """The body function: the pointwise program for each row and vector of a tile.

    The vector that reaches beyond the last unit, if there is one, is left to a function of the module; see
    :mod:`.ragged`.
    """

    def __init__(self, writer: Writer, stage: Stage, tile: Tile, name: str, ragged: ir.Function) -> None:
        self.writer, self.stage, self.tile, self.ragged = writer, stage, tile, ragged
        self.function, self.builder = writer.function(name, *BODY)
        wide, brief = tile.lanes * writer.format.bytes == AVX512, bool(writer.pairs)
        self.lanes = Lanes(self.builder, writer.format, tile.lanes, wide=wide, brief=brief)
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
        walk = self._by_units if self.stage.starts else self._by_rows
        sums = walk(places, sums, (first, smaller(builder, end, ragged)), (first_row, rows), pointers)
        there = builder.icmp_signed("<", ragged, smaller(builder, end, units))
        with builder.if_then(builder.and_(there, builder.icmp_signed("<=", first, ragged))):
            stage = self.ends.numbers(writer, f"{self.function.name}_ends")
            where = (table, places, sums, ragged, first_row, rows)
            builder.call(self.ragged, (*where, stage, builder.ptrtoint(self.function, I64)))
        builder.ret_void()
        return self.function

    def _by_units(
        self, places: Any, sums: Any, units: tuple[Any, Any], rows: tuple[Any, Any], pointers: Mapping[str, Any]
    ) -> Any:
        """Vector by vector and, within, row by row, as sums lie. Returns where the next sums are.

        units: the first and the end. rows: the first, and how many.
        """
        builder, (first_row, count) = self.builder, rows
        at = {"sums": sums}
        with carrying(builder, *units, self.tile.lanes, at) as unit:
            vectors = self._vectors(pointers, unit)
            with loop(builder, I64(0), count, 1) as r:
                row = self._row(places, builder.add(first_row, r))
                self._apply(row, unit, {**vectors, **self._totals(at["sums"], r, vectors)})
            at["sums"] = self._sums(builder, at["sums"], count)
        return at["sums"]

    def _by_rows(
        self, places: Any, sums: Any, units: tuple[Any, Any], rows: tuple[Any, Any], pointers: Mapping[str, Any]
    ) -> Any:
        """The same of a stage without sums, row by row: where a row is, and what is the same for all of it, is worked
        out once."""
        builder, (first_row, count) = self.builder, rows
        with loop(builder, I64(0), count, 1) as r:
            row = self._computed(self._row(places, builder.add(first_row, r)))
            with loop(builder, *units, self.tile.lanes) as unit:
                self._apply(row, unit, self._vectors(pointers, unit))
        return sums

    def _sums(self, builder: ir.IRBuilder, sums: Any, rows: Any) -> Any:
        """The sums so many rows further on."""
        index = builder.mul(rows, I64(self.ends.sums))
        return builder.gep(sums, [index], source_etype=self.lanes.vector)

    def _vectors(self, pointers: Mapping[str, Any], unit: Any) -> dict[str, Any]:
        """What has one number for each unit, of these units."""
        return {name: self._load(self.writer.element(self.builder, at, unit)) for name, at in pointers.items()}

    def _totals(self, sums: Any, r: Any, vectors: Mapping[str, Any]) -> dict[str, Any]:
        """The accumulators of a row, with their biases."""
        builder, first = self.builder, self._sums(self.builder, sums, r)
        totals: dict[str, Any] = {}
        for index, (name, bias) in enumerate(self.stage.starts.items()):
            place = builder.gep(first, [I64(index)], source_etype=self.lanes.vector)
            total = builder.load(place, typ=self.lanes.vector)
            totals[name] = builder.fadd(total, vectors[bias]) if bias else total
        return totals

    def _row(self, places: Any, row: Any) -> _Row:
        """A row of every array, and its numbers."""
        builder, writer = self.builder, self.writer
        names = dict.fromkeys((*self.ends.loads, *self.stores))
        starts = {name: writer.row(builder, places, name, row) for name in names}
        numbers = {
            name: self.lanes.splat(builder.load(writer.row(builder, places, name, row), typ=writer.format.scalar))
            for name in self.ends.row_numbers
        }
        return _Row(starts, numbers, self.stage.body)

    def _computed(self, row: _Row) -> _Row:
        """The row with all that its program makes of the row's numbers alone."""
        whole = row.body.of_rows(row.numbers)
        made = {name for name in whole & row.body.by_name.keys() if row.body.by_name[name].op != "constant"}
        read = [name for i in row.body.body if i.name not in made for name in i.args] + list(row.body.outputs.values())
        results = {name: name for name in dict.fromkeys(read) if name in made}
        program = row.body.restricted(row.body.name, results, frozenset())
        values = emit_program(program, row.numbers, self.lanes)
        rest = row.body.restricted(row.body.name, row.body.outputs, frozenset(results))
        return row._replace(numbers={**row.numbers, **{name: values[name] for name in results}}, body=rest)

    def _apply(self, row: _Row, unit: Any, known: Mapping[str, Any]) -> None:
        """The program for one vector of a row. known: the accumulators and vectors there."""
        builder, element = self.builder, self.writer.element
        values = {**known, **row.numbers}
        for name in self.ends.loads:
            values[name] = self._load(element(builder, row.starts[name], unit))
        values = emit_program(row.body, values, self.lanes)
        for name, value in self.stores.items():
            address = element(builder, row.starts[name], unit)
            builder.store(values[value], address, align=self.writer.format.bytes)

    def _load(self, address: Any) -> Any:
        return self.builder.load(address, typ=self.lanes.vector, align=self.writer.format.bytes)


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
