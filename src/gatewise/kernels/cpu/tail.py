"""Copies of fewer elements than a vector has."""

from __future__ import annotations

from llvmlite import ir

from ...compiler.render.llvm_math import I64
from .loops import loop
from .writer import POINTER


def copy_tail(module: ir.Module, scalar: ir.Type) -> ir.Function:
    """A function of (source, target, count) that copies one element at a time."""
    copy = ir.Function(module, ir.FunctionType(ir.VoidType(), (POINTER, POINTER, I64)), "copy_tail")
    copy.linkage = "internal"
    copy.attributes.add("noinline")
    builder = ir.IRBuilder(copy.append_basic_block("entry"))
    source, target, count = copy.args
    with loop(builder, I64(0), count, 1) as index:
        value = builder.load(builder.gep(source, [index], source_etype=scalar), typ=scalar)
        builder.store(value, builder.gep(target, [index], source_etype=scalar))
    builder.ret_void()
    return copy
