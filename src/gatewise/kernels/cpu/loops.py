"""Loops in LLVM instructions."""

from __future__ import annotations

from collections.abc import Generator
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
