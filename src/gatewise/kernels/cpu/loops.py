"""Loops, choices and tables of numbers in LLVM instructions."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from ...compiler.render.llvm_math import I64


@contextmanager
def loop(builder: ir.IRBuilder, start: Any, stop: Any, step: Any) -> Generator[Any, None, None]:
    """``for index in range(start, stop, step)`` around what is written inside."""
    with carrying(builder, start, stop, step, {}) as index:
        yield index


@contextmanager
def carrying(
    builder: ir.IRBuilder, start: Any, stop: Any, step: Any, values: dict[Any, Any]
) -> Generator[Any, None, None]:
    """The same with values that stay in registers from one round to the next.

    What is written inside reads them from ``values`` and puts there what they become; after the loop they are what the
    last round made of them.
    """
    before = builder.block
    test = builder.append_basic_block("loop")
    inside = builder.append_basic_block("inside")
    after = builder.append_basic_block("after")
    builder.branch(test)
    builder.position_at_end(test)
    index = builder.phi(I64)
    index.add_incoming(start, before)
    carried = {key: builder.phi(value.type) for key, value in values.items()}
    for key, phi in carried.items():
        phi.add_incoming(values[key], before)
    values.update(carried)
    builder.cbranch(builder.icmp_signed("<", index, stop), inside, after)
    builder.position_at_end(inside)
    yield index
    following = builder.add(index, I64(step) if isinstance(step, int) else step)
    index.add_incoming(following, builder.block)
    for key, phi in carried.items():
        phi.add_incoming(values[key], builder.block)
    values.update(carried)
    builder.branch(test)
    builder.position_at_end(after)


def by_vectors(builder: ir.IRBuilder, start: Any, stop: Any, lanes: int) -> Iterator[tuple[Any, int]]:
    """The bodies of two loops, over whole vectors and over the numbers that are left, one by one: the first index, and
    how many there are."""
    whole = builder.sub(stop, builder.urem(builder.sub(stop, start), I64(lanes)))
    for first, end, count in ((start, whole, lanes), (whole, stop, 1)):
        with loop(builder, first, end, count) as index:
            yield index, count


def smaller(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    """The smaller of two signed integers."""
    return builder.select(builder.icmp_signed("<", a, b), a, b)


def larger(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    """The larger of two signed integers."""
    return builder.select(builder.icmp_signed("<", a, b), b, a)


def call_chosen(
    builder: ir.IRBuilder, functions: Mapping[int, ir.Function], key: Any, arguments: Sequence[Any], name: str
) -> None:
    """Call the function with this key, which must be one of them. name: of the table of their addresses."""
    kind = next(iter(functions.values())).type
    addresses = [functions.get(number, ir.Constant(kind, None)) for number in range(max(functions) + 1)]
    table = constants(builder.module, kind, addresses, name)
    place = builder.gep(table, [I64(0), key], source_etype=table.value_type)
    builder.call(builder.load(place, typ=kind), arguments)


def constants(module: ir.Module, kind: ir.Type, values: Sequence[Any], name: str) -> Any:
    """An array of the module that is never written to."""
    array: Any = ir.GlobalVariable(module, ir.ArrayType(kind, len(values)), name)
    array.linkage, array.global_constant = "internal", True
    array.initializer = ir.Constant(array.value_type, values)
    return array


@contextmanager
def equal_parts(builder: ir.IRBuilder, first: Any, end: Any, most: Any) -> Generator[tuple[Any, Any], None, None]:
    """What is written inside for each part of a range, which is cut into as few parts of at most ``most`` as there can
    be, as equal as they can be: (start, size). 20 are 4 times 5, not 3 times 6 and then 2, which would leave registers
    idle."""
    count, most = builder.sub(end, first), I64(most) if isinstance(most, int) else most
    pieces = builder.udiv(builder.add(count, builder.sub(most, I64(1))), most)
    divisor = larger(builder, pieces, I64(1))
    least, wider = builder.udiv(count, divisor), builder.urem(count, divisor)
    with loop(builder, I64(0), pieces, 1) as piece:
        start = builder.add(builder.mul(piece, least), smaller(builder, piece, wider))
        more = builder.zext(builder.icmp_signed("<", piece, wider), I64)
        yield builder.add(first, start), builder.add(least, more)


def numbers(builder: ir.IRBuilder, base: Any, names: Sequence[str]) -> dict[str, Any]:
    """64-bit integers that lie one after another from an address on, by these names."""
    return {
        name: builder.load(builder.gep(base, [I64(index)], source_etype=I64), typ=I64, name=name)
        for index, name in enumerate(names)
    }
