"""What every function of a sweep's LLVM module is written with: the table's numbers, and the rows they point to."""

from __future__ import annotations

from typing import Any

import torch
from llvmlite import ir

from ...compiler.render.llvm_math import FLOAT32, FLOAT64, I64
from ...compiler.stages import Sweep
from .loops import loop
from .table import Table

POINTER = ir.PointerType()
FORMATS = {torch.float32: FLOAT32, torch.float64: FLOAT64}


class Writer:
    """One module, and access to the table that its functions are called with.

    *places* is a local array with two numbers for each row array: its start at the current step, and the distance
    between its rows.
    """

    def __init__(self, sweep: Sweep, dtype: torch.dtype) -> None:
        self.sweep = sweep
        self.table = Table(sweep)
        self.format = FORMATS[dtype]
        plain = sweep.name.encode("unicode_escape").decode()  # LLVM's text takes nothing else
        self.module = ir.Module(f"{plain}_f{8 * self.format.bytes}")

    def function(self, name: str, *kinds: ir.Type, internal: bool = True) -> tuple[ir.Function, ir.IRBuilder]:
        """A new function without a result, and a builder at its entry."""
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), kinds), name)
        if internal:
            function.linkage = "internal"
            function.attributes.add("noinline")  # each is called from many places, and large
        return function, ir.IRBuilder(function.append_basic_block("entry"))

    def slot(self, builder: ir.IRBuilder, table: Any, name: str, offset: int = 0) -> Any:
        """A number of the table."""
        address = builder.gep(table, [I64(self.table.slots[name] + offset)], source_etype=I64)
        return builder.load(address, typ=I64, name=name if not offset else "")

    def pointer(self, builder: ir.IRBuilder, table: Any, name: str) -> Any:
        """A pointer of the table."""
        return builder.inttoptr(self.slot(builder, table, name), POINTER)

    def element(self, builder: ir.IRBuilder, base: Any, *offsets: Any) -> Any:
        """The address ``base`` + the sum of ``offsets`` elements."""
        for offset in offsets:
            base = builder.gep(base, [offset], source_etype=self.format.scalar)
        return base

    def row(self, builder: ir.IRBuilder, places: Any, name: str, row: Any) -> Any:
        """Where a row of an array starts at the current step."""
        index = 2 * self.sweep.arrays.index(name)
        start = builder.load(builder.gep(places, [I64(index)], source_etype=I64), typ=I64)
        stride = builder.load(builder.gep(places, [I64(index + 1)], source_etype=I64), typ=I64)
        return self.element(builder, builder.inttoptr(start, POINTER), builder.mul(row, stride))


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
