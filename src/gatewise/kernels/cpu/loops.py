"""Loops, choices and tables of numbers in LLVM instructions."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from ...compiler.render.llvm_math import I64


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


def smaller(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    """The smaller of two signed integers."""
    return builder.select(builder.icmp_signed("<", a, b), a, b)


def larger(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    """The larger of two signed integers."""
    return builder.select(builder.icmp_signed("<", a, b), b, a)


def choose(builder: ir.IRBuilder, key: Any, cases: Mapping[int, Callable[[], object]]) -> None:
    """Write each case, of which the one with this key is run; the key must be one of them."""
    blocks = {number: builder.append_basic_block(f"case_{number}") for number in cases}
    after = builder.append_basic_block("after")
    switch = builder.switch(key, after)
    for number, block in blocks.items():
        switch.add_case(I64(number), block)
        builder.position_at_end(block)
        cases[number]()
        builder.branch(after)
    builder.position_at_end(after)


def equal_parts(builder: ir.IRBuilder, first: Any, end: Any, most: Any) -> tuple[tuple[Any, Any, Any], ...]:
    """A range cut into as few parts of at most ``most`` as there can be, as equal as they can be: two stretches of
    (start, stop, size of each part). 20 are 4 times 5, not 3 times 6 and then 2, which would leave registers idle."""
    count, most = builder.sub(end, first), I64(most) if isinstance(most, int) else most
    pieces = builder.udiv(builder.add(count, builder.sub(most, I64(1))), most)
    pieces = builder.select(builder.icmp_signed("==", pieces, I64(0)), I64(1), pieces)
    least, wider = builder.udiv(count, pieces), builder.urem(count, pieces)
    more = builder.add(least, I64(1))
    middle = builder.add(first, builder.mul(wider, more))
    return (first, middle, more), (middle, end, least)


def numbers(builder: ir.IRBuilder, base: Any, names: Sequence[str]) -> dict[str, Any]:
    """64-bit integers that lie one after another from an address on, by these names."""
    return {
        name: builder.load(builder.gep(base, [I64(index)], source_etype=I64), typ=I64, name=name)
        for index, name in enumerate(names)
    }
