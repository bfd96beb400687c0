"""How the threads of a call share rows and units, and wait for each other."""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir

from ...compiler.render.llvm_math import I32, I64
from .loops import loop, numbers, smaller
from .writer import POINTER, Writer

# How often a waiting thread looks before it lets others run, some ten microseconds: where a core is shared, whoever
# is waited for may need it.
_PATIENCE = 2000
_APART = 16  # numbers: two cache lines, since processors fetch them in pairs
_PAUSES = {"x86_64": "pause", "AMD64": "pause", "aarch64": "yield", "arm64": "yield"}


def emit_barrier(writer: Writer) -> ir.Function:
    """A function of (table, phase, number, count) that returns when all ``count`` threads have called it.

    number: of this thread. phase: the address of how often it has been here. Each thread tells that in a cache line of
    its own, from the table's ``barrier`` on, which the others watch: two threads need one transfer between their caches
    each way, where a common counter takes three.
    """
    function, builder = writer.function("wait", POINTER, POINTER, I64, I64)
    table, phase, number, count = function.args
    with builder.if_then(builder.icmp_signed(">", count, I64(1))):
        passed = builder.add(builder.load(phase, typ=I64), I64(1))
        builder.store(passed, phase)
        flags = writer.slot(builder, table, "barrier")
        builder.store_atomic(passed, _flag(builder, flags, number), "release", 8)
        with loop(builder, I64(0), count, 1) as other:
            _wait(writer, builder, table, _flag(builder, flags, other), passed)
    builder.ret_void()
    return function


def barrier_numbers(threads: int) -> int:
    """How many zeros a barrier needs."""
    return threads * _APART


def _flag(builder: ir.IRBuilder, flags: Any, number: Any) -> Any:
    address = builder.add(flags, builder.mul(number, I64(8 * _APART)))
    return builder.inttoptr(address, ir.PointerType(I64))  # llvmlite wants to know what an atomic store writes


def _wait(writer: Writer, builder: ir.IRBuilder, table: Any, counter: Any, target: Any) -> None:
    before = builder.block
    look, wait, relent, again, after = (
        builder.append_basic_block(name) for name in ("look", "wait", "relent", "again", "after")
    )
    builder.branch(look)
    builder.position_at_end(look)
    looks = builder.phi(I64)
    looks.add_incoming(I64(0), before)
    there = builder.load_atomic(counter, "acquire", 8, typ=I64)
    builder.cbranch(builder.icmp_signed(">=", there, target), after, wait)
    builder.position_at_end(wait)
    _pause(builder)
    builder.cbranch(builder.icmp_signed(">", looks, I64(_PATIENCE)), relent, again)
    builder.position_at_end(relent)
    relief = ir.PointerType(ir.FunctionType(I32, ()))
    builder.call(builder.inttoptr(writer.slot(builder, table, "yield"), relief), ())
    builder.branch(again)
    builder.position_at_end(again)
    looks.add_incoming(builder.add(looks, I64(1)), again)
    builder.branch(look)
    builder.position_at_end(after)


def _pause(builder: ir.IRBuilder) -> None:
    instruction = _PAUSES.get(platform.machine())
    if instruction:
        builder.asm(ir.FunctionType(ir.VoidType(), ()), instruction, "", (), True)


# What a thread is given, 64-bit integers: the argument of ``run``, how many items there are and make one part, and
# the addresses of the two functions that tell a thread its number and how many there are. Of a team whose threads wait
# for each other, the items are the threads that take part.
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
    """Add ``share(task)``, which calls ``run(argument, number, count)`` with this thread's number in its team, unless
    the team is larger than what takes part."""
    builder, task, number, count = _begun(module)
    with builder.if_then(builder.icmp_signed("<", number, task["items"])):
        taking_part = smaller(builder, count, task["items"])
        builder.call(run, (builder.inttoptr(task["argument"], POINTER), number, taking_part))
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
