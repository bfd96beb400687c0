"""What every function of a sweep's LLVM module is written with: the table's numbers, and the rows they point to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from llvmlite import ir

from ...compiler.render.llvm_math import FLOAT32, FLOAT64, I64
from ...compiler.stages import Sweep
from .loops import constants
from .table import SlotTable

POINTER = ir.PointerType()
NOWHERE = ir.Constant(POINTER, None)
FORMATS = {torch.float32: FLOAT32, torch.float64: FLOAT64}


class Writer:
    """One module, and access to the table that its functions are called with.

    *places* is a local array with two numbers for each row array: its start at the current step, and the distance
    between its rows. pairs: see :class:`.blocking.Machine`; used where the sweep's products take pairs.
    """

    def __init__(self, sweep: Sweep, dtype: torch.dtype, pairs: str = "") -> None:
        self.sweep, self.pairs = sweep, pairs if sweep.pairs else ""
        self.table = SlotTable(sweep)
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

    def constant(self, name: str, numbers: Sequence[Any]) -> Any:
        """Where these 64-bit integers lie, under a name that is free."""
        content = [n if isinstance(n, ir.Constant) else I64(n) for n in numbers]
        return constants(self.module, I64, content, self.module.get_unique_name(name)).bitcast(POINTER)

    def slot(self, builder: ir.IRBuilder, table: Any, name: str, offset: int = 0) -> Any:
        """A number of the table."""
        address = builder.gep(table, [I64(self.table.slots[name] + offset)], source_etype=I64)
        return builder.load(address, typ=I64, name=name if not offset else "")

    def pointer(self, builder: ir.IRBuilder, table: Any, name: str) -> Any:
        """A pointer of the table."""
        return builder.inttoptr(self.slot(builder, table, name), POINTER)

    def terms(self, builder: ir.IRBuilder, length: Any) -> Any:
        """How many terms a product of so many numbers has: one for each, or for each pair."""
        return builder.lshr(builder.add(length, I64(1)), I64(1)) if self.pairs else length

    def element(self, builder: ir.IRBuilder, base: Any, *offsets: Any) -> Any:
        """The address ``base`` + the sum of ``offsets`` elements."""
        for offset in offsets:
            base = builder.gep(base, [offset], source_etype=self.format.scalar)
        return base

    def row(self, builder: ir.IRBuilder, places: Any, name: str, row: Any) -> Any:
        """Where a row of an array starts at the current step."""
        return self.row_at(builder, places, self.index(name), row)

    def index(self, name: str) -> ir.Constant:
        """Which of the arrays this is."""
        return I64(self.sweep.arrays.index(name))

    def row_at(self, builder: ir.IRBuilder, places: Any, index: Any, row: Any) -> Any:
        """The same for the array with this index."""
        place = _place(builder, places, index)
        start = builder.load(place, typ=I64)
        stride = builder.load(builder.gep(place, [I64(1)], source_etype=I64), typ=I64)
        return self.element(builder, builder.inttoptr(start, POINTER), builder.mul(row, stride))

    def advance(self, builder: ir.IRBuilder, places: Any, name: str, rows: Any) -> None:
        """Let an array start so many rows further on."""
        start = self.row(builder, places, name, rows)
        builder.store(builder.ptrtoint(start, I64), _place(builder, places, self.index(name)))

    def put_row(self, builder: ir.IRBuilder, places: Any, index: Any, address: Any) -> None:
        """Let all rows of the array with this index start at one address."""
        place = _place(builder, places, index)
        builder.store(builder.ptrtoint(address, I64), place)
        builder.store(I64(0), builder.gep(place, [I64(1)], source_etype=I64))


def _place(builder: ir.IRBuilder, places: Any, index: Any) -> Any:
    twice = I64(2 * index.constant) if isinstance(index, ir.Constant) else builder.mul(index, I64(2))
    return builder.gep(places, [twice], source_etype=I64)


def copy_tail(module: ir.Module, scalar: ir.Type, lanes: int) -> ir.Function:
    """A function of (source, target, count) that copies fewer elements than ``lanes``: a half of a vector if there are
    so many, then a quarter, and so on, since every power of two is there once or not at all."""
    copy = ir.Function(module, ir.FunctionType(ir.VoidType(), (POINTER, POINTER, I64)), "copy_tail")
    copy.linkage = "internal"
    copy.attributes.add("noinline")
    builder = ir.IRBuilder(copy.append_basic_block("entry"))
    source, target, count = copy.args
    size = lanes // 2
    while size:
        part = ir.VectorType(scalar, size) if size > 1 else scalar
        with builder.if_then(builder.icmp_signed("!=", builder.and_(count, I64(size)), I64(0))):
            done = builder.and_(count, I64(-2 * size))
            start, end = (builder.gep(base, [done], source_etype=scalar) for base in (source, target))
            builder.store(builder.load(start, typ=part, align=_bytes(scalar)), end, align=_bytes(scalar))
        size //= 2
    builder.ret_void()
    return copy


def _bytes(scalar: ir.Type) -> int:
    return 4 if isinstance(scalar, ir.FloatType) else 8
