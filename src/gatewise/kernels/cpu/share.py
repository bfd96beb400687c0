"""How a compiled kernel is shared out among a team of OpenMP threads."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from ...compiler.render.llvm_math import I32, I64
from .loops import loop, numbers, smaller
from .writer import POINTER

# What a thread is given, 64-bit integers: the argument of ``run``, how many items there are and make one part, and
# the addresses of the two functions that tell a thread its number and how many there are.
TASK = ("argument", "items", "part", "number", "count")


def emit_share(module: ir.Module, run: ir.Function) -> None:
    """Add ``share(task)``, which calls ``run(argument, first, end)`` for the parts of this thread.

    Parts are dealt out in turn, so that all items are done however many threads there really are.
    """
    builder, task, number, count = _begun(module)
    part, items = task["part"], task["items"]
    parts = builder.udiv(builder.add(items, builder.sub(part, I64(1))), part)
    with loop(builder, number, parts, count) as index:
        first = builder.mul(index, part)
        end = smaller(builder, builder.add(first, part), items)
        builder.call(run, (builder.inttoptr(task["argument"], POINTER), first, end))
    builder.ret_void()


def emit_team(module: ir.Module, run: ir.Function) -> None:
    """Add ``share(task)``, which calls ``run(argument, number, count)`` with this thread's number in its team."""
    builder, task, number, count = _begun(module)
    builder.call(run, (builder.inttoptr(task["argument"], POINTER), number, count))
    builder.ret_void()


def _begun(module: ir.Module) -> tuple[ir.IRBuilder, dict[str, Any], Any, Any]:
    """The function ``share``, begun: its builder, the task, and this thread's number of so many."""
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), (POINTER,)), "share")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    task = numbers(builder, function.args[0], TASK)
    query = ir.PointerType(ir.FunctionType(I32, ()))
    number, count = (
        builder.sext(builder.call(builder.inttoptr(task[name], query), ()), I64) for name in ("number", "count")
    )
    return builder, task, number, count
