"""Means over the units of a row, taken between two stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llvmlite import ir

from ...compiler.render.llvm_math import I64, Lanes
from .loops import loop
from .writer import POINTER, Writer


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
