"""Where the rows of each array are at a step of time, and which sequences run there."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

from llvmlite import ir

from ...compiler.render.llvm_math import I64
from .loops import larger, loop, numbers, smaller
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
            looked_up = [builder.load(builder.gep(base, [index], source_etype=I64), typ=I64) for index in asked]
            table_end = builder.block
        with by_rows:
            regular = [builder.mul(builder.add(time, I64(shift)), rows) for shift in (-1, 0, 1, 2)]
            rows_end = builder.block
    places: list[Any] = []
    for one, other in zip(looked_up, regular, strict=True):
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
    writer: Writer,
    builder: ir.IRBuilder,
    locate: ir.Function,
    table: Any,
    places: Any,
    step: Step,
    first: Any,
    end: Any,
) -> Generator[tuple[Any, Any], None, None]:
    """Stretches (first, end) of these rows, after filling the places for each, around what is written for them.

    Going back in time, sequences that end at this step have nothing behind them and are a stretch of their own; going
    forward it does not matter. locate: from :func:`emit_locate`.
    """
    middle = smaller(builder, end, step.continuing) if writer.sweep.backward else end
    stretches = [(first, middle, False)]
    if writer.sweep.backward:
        stretches.append((larger(builder, first, middle), end, True))
    for start, limit, ending in stretches:
        with builder.if_then(builder.icmp_signed("<", start, limit)):
            at_first = builder.zext(step.first, I64)
            builder.call(locate, (table, places, step.before, step.now, step.after, at_first, I64(int(ending))))
            yield start, limit


def emit_locate(writer: Writer) -> ir.Function:
    """A function of (table, places, first rows of the step before, of this one and of the one after, whether this step
    is the first, whether it is the last of the sequences in question) that fills the places."""
    function, builder = writer.function("locate", POINTER, POINTER, *(I64,) * 5)
    table, places, before, now, after, at_first, at_last = function.args
    rows, edges = (builder.alloca(I64, I64(len(When))) for _ in range(2))
    nothing = I64(0)
    for when, row, at_edge in (
        (When.HELD, nothing, nothing),
        (When.NOW, now, nothing),
        (When.BEFORE, before, at_first),
        (When.AFTER, after, at_last),
    ):
        for values, number in ((rows, row), (edges, at_edge)):
            builder.store(number, builder.gep(values, [I64(when)], source_etype=I64))
    arrays = writer.sweep.arrays
    begin = builder.gep(table, [I64(writer.table.slots[arrays[0]])], source_etype=I64)
    with loop(builder, I64(0), I64(len(arrays)), 1) as index:
        base = builder.gep(begin, [builder.mul(index, I64(len(Array._fields)))], source_etype=I64)
        array = Array(**numbers(builder, base, Array._fields))
        row, edge = (
            builder.load(builder.gep(values, [array.when], source_etype=I64), typ=I64) for values in (rows, edges)
        )
        at_edge = builder.icmp_signed("!=", edge, nothing)
        offset = builder.mul(builder.mul(row, array.row), I64(writer.format.bytes))
        inside = builder.add(array.pointer, offset)
        place = builder.gep(places, [builder.mul(index, I64(2))], source_etype=I64)
        builder.store(builder.select(at_edge, array.edge, inside), place)
        stride = builder.select(at_edge, array.edge_row, array.row)
        builder.store(stride, builder.gep(place, [I64(1)], source_etype=I64))
    builder.ret_void()
    return function


def row_at(writer: Writer, builder: ir.IRBuilder, table: Any, time: Any) -> Any:
    """The first row of a step; of the step after the last, the end of all rows."""
    rows, offsets = writer.slot(builder, table, "rows"), writer.slot(builder, table, "offsets")
    regular = builder.mul(time, rows)
    with builder.if_else(builder.icmp_signed("!=", offsets, I64(0))) as (by_table, by_rows):
        with by_table:
            address = builder.gep(builder.inttoptr(offsets, POINTER), [time], source_etype=I64)
            looked_up, table_end = builder.load(address, typ=I64), builder.block
        with by_rows:
            rows_end = builder.block
    phi = builder.phi(I64)
    phi.add_incoming(looked_up, table_end)
    phi.add_incoming(regular, rows_end)
    return phi
