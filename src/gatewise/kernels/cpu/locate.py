"""Where the rows of each array are at a step of time, and which sequences run there."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

from llvmlite import ir

from ...compiler.render.llvm_math import I64
from .loops import larger, smaller
from .table import Array, When
from .writer import POINTER, Writer


class Step(NamedTuple):
    """One step of time. before, now, after: the first rows of it and its neighbours. running: how many sequences
    run at it. continuing: how many of them run at the step after. first: whether it is the first of all."""

    before: Any
    now: Any
    after: Any
    running: Any
    continuing: Any
    first: Any


def step_at(writer: Writer, builder: ir.IRBuilder, table: Any, time: Any) -> Step:
    """What there is to know of the step at ``time``: from the offsets, or where there are none from B."""
    rows, offsets = writer.slot(builder, table, "rows"), writer.slot(builder, table, "offsets")
    last = builder.sub(writer.slot(builder, table, "steps"), I64(1))
    first, at_end = builder.icmp_signed("==", time, I64(0)), builder.icmp_signed("==", time, last)
    ragged = builder.icmp_signed("!=", offsets, I64(0))
    with builder.if_else(ragged) as (by_table, by_rows):
        with by_table:
            base = builder.inttoptr(offsets, POINTER)
            # steps beyond the first and last are never used, but must not be read either
            asked = [
                builder.select(first, time, builder.sub(time, I64(1))),
                time,
                builder.add(time, I64(1)),
                builder.select(at_end, builder.add(time, I64(1)), builder.add(time, I64(2))),
            ]
            found = [builder.load(builder.gep(base, [index], source_etype=I64), typ=I64) for index in asked]
            table_end = builder.block
        with by_rows:
            regular = [builder.mul(builder.add(time, I64(shift)), rows) for shift in (-1, 0, 1, 2)]
            rows_end = builder.block
    places: list[Any] = []
    for one, other in zip(found, regular, strict=True):
        phi = builder.phi(I64)
        phi.add_incoming(one, table_end)
        phi.add_incoming(other, rows_end)
        places.append(phi)
    before, now, after, beyond = places
    continuing = builder.select(at_end, I64(0), builder.sub(beyond, after))
    return Step(before, now, after, builder.sub(after, now), continuing, first)


def moment(writer: Writer, builder: ir.IRBuilder, begin: Any, end: Any, index: Any) -> Any:
    """The time at which a sweep over steps from ``begin`` to ``end`` is, when it counts ``index`` up between them."""
    return builder.sub(builder.add(begin, builder.sub(end, I64(1))), index) if writer.sweep.backward else index


def located(
    writer: Writer, builder: ir.IRBuilder, table: Any, places: Any, step: Step, first: Any, end: Any
) -> Generator[tuple[Any, Any], None, None]:
    """Stretches (first, end) of these rows, after filling the places for each, around what is written for them.

    Going back in time, sequences that end at this step have nothing behind them and are a stretch of their own; going
    forward it does not matter.
    """
    middle = smaller(builder, end, step.continuing) if writer.sweep.backward else end
    stretches = [(first, middle, False)]
    if writer.sweep.backward:
        stretches.append((larger(builder, first, middle), end, True))
    for start, limit, ending in stretches:
        with builder.if_then(builder.icmp_signed("<", start, limit)):
            _locate(writer, builder, table, places, step, ending=ending)
            yield start, limit


def _locate(writer: Writer, builder: ir.IRBuilder, table: Any, places: Any, step: Step, *, ending: bool) -> None:
    """Fill the places. ending: for sequences whose last step this is."""
    rows = {When.HELD: I64(0), When.NOW: step.now, When.BEFORE: step.before, When.AFTER: step.after}
    false, true = ir.Constant(ir.IntType(1), 0), ir.Constant(ir.IntType(1), 1)
    edges = {When.HELD: false, When.NOW: false, When.BEFORE: step.first, When.AFTER: true if ending else false}
    for index, name in enumerate(writer.sweep.arrays):
        start, stride, when, edge, edge_row = (
            writer.slot(builder, table, name, offset) for offset in range(len(Array._fields))
        )
        row, at_edge = rows[When.HELD], edges[When.HELD]
        for kind in (When.NOW, When.BEFORE, When.AFTER):
            mine = builder.icmp_signed("==", when, I64(kind))
            row = builder.select(mine, rows[kind], row)
            at_edge = builder.select(mine, edges[kind], at_edge)
        inside = builder.add(start, builder.mul(builder.mul(row, stride), I64(writer.format.bytes)))
        for offset, (there, here) in enumerate(((edge, inside), (edge_row, stride))):
            address = builder.gep(places, [I64(2 * index + offset)], source_etype=I64)
            builder.store(builder.select(at_edge, there, here), address)


def row_at(writer: Writer, builder: ir.IRBuilder, table: Any, time: Any) -> Any:
    """The first row of a step; of the step after the last, the end of all rows."""
    rows, offsets = writer.slot(builder, table, "rows"), writer.slot(builder, table, "offsets")
    regular = builder.mul(time, rows)
    with builder.if_else(builder.icmp_signed("!=", offsets, I64(0))) as (by_table, by_rows):
        with by_table:
            address = builder.gep(builder.inttoptr(offsets, POINTER), [time], source_etype=I64)
            found, table_end = builder.load(address, typ=I64), builder.block
        with by_rows:
            rows_end = builder.block
    phi = builder.phi(I64)
    phi.add_incoming(found, table_end)
    phi.add_incoming(regular, rows_end)
    return phi
