"""How a compiled kernel is shared out among a team of OpenMP threads."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from ...compiler.render.llvm_math import I32, I64
from .loops import loop, smaller
from .writer import POINTER

# What a thread is given, 64-bit integers: the argument of ``run``, how many items there are and make one part, and
# the addresses of the two functions that tell a thread its number and how many there are.
TASK = ("argument", "items", "part", "number", "count")


def emit_share(module: ir.Module, run: ir.Function) -> None:
    """Add ``share(task)``, which calls ``run(argument, first, end)`` for the parts of this thread.

    Parts are dealt out in turn, so that all items are done however many threads there really are.
    """
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), (POINTER,)), "share")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    task = {name: _field(builder, function.args[0], index) for index, name in enumerate(TASK)}
    query = ir.PointerType(ir.FunctionType(I32, ()))
    number, count = (
        builder.sext(builder.call(builder.inttoptr(task[name], query), ()), I64) for name in ("number", "count")
    )
    part, items = task["part"], task["items"]
    parts = builder.udiv(builder.add(items, builder.sub(part, I64(1))), part)
    with loop(builder, number, parts, count) as index:
        first = builder.mul(index, part)
        end = smaller(builder, builder.add(first, part), items)
        builder.call(run, (builder.inttoptr(task["argument"], POINTER), first, end))
    builder.ret_void()


def _field(builder: ir.IRBuilder, task: Any, index: int) -> Any:
    return builder.load(builder.gep(task, [I64(index)], source_etype=I64), typ=I64)
