"""What passes do beside sweeps and products: sums of elements and of rows, and the largest element."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from llvmlite import ir
from torch import Tensor

from ...compiler.render.llvm_math import FLOAT32, I64, Lanes
from .blocking import this_machine
from .compile import Runnable, made_once, runnable
from .kept_code import Source
from .loops import carrying, larger, loop, numbers, smaller
from .team import emit_share
from .threads import run, wanted
from .writer import FORMATS, POINTER

# So many rows are summed up by themselves: sums of few sums lose less than one long sum.
GROUP = 32
_TOGETHER = 4  # vectors of a row that are summed up at once, since the next row lies pages away


def sum_rows(target: Tensor, source: Tensor) -> None:
    """The sums over rows: (M,) of (N, M), whose last dimension is contiguous."""
    rows, columns = source.shape
    task = (ctypes.c_int64 * 4)(source.data_ptr(), source.stride(0), rows, target.data_ptr())
    threads = wanted(rows * columns)
    run(functions(source.dtype)["sum_rows"], ctypes.addressof(task), columns, -(-columns // threads), threads)


def sum_columns(target: Tensor, source: Tensor) -> None:
    """The sums over columns: (N,), of any stride, of (N, M), whose last dimension is contiguous."""
    rows, columns = source.shape
    if not rows:
        return
    places = (source.data_ptr(), source.stride(0), columns, target.data_ptr(), target.stride(0))
    task = (ctypes.c_int64 * 5)(*places)
    threads = wanted(rows * columns)
    run(columns_summed(source.dtype), ctypes.addressof(task), rows, -(-rows // threads), threads)


@made_once
def columns_summed(dtype: torch.dtype) -> Runnable:
    """``run(task, first, end)``: the sums of these rows."""
    return runnable(_source(dtype, "sum_columns"))


@made_once
def functions(dtype: torch.dtype) -> dict[str, Runnable]:
    """``run(task, first, end)`` by name, for elements from first to end; tasks are what the functions below read.

    add: a + b. sum_rows: of a matrix. largest: the bits of the largest absolute value, where those of NaN and infinity
    are larger than of any number.
    """
    names = ("add", "sum_rows", "largest") if dtype in FORMATS else ("largest",)
    return {name: runnable(_source(dtype, name)) for name in names}


def _source(dtype: torch.dtype, name: str) -> Source:
    return Source((name, dtype), lambda: str(_ElementFunction(dtype, name).module))


class _ElementFunction:
    """Writes the module of one of them."""

    def __init__(self, dtype: torch.dtype, name: str) -> None:
        self.dtype = dtype
        self.format = FORMATS.get(dtype, FLOAT32)  # of others the bits are looked at, and nothing computed
        self.module = ir.Module(f"{name}_f{8 * dtype.itemsize}")
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), (POINTER, I64, I64)), "run")
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        getattr(self, f"_{name}")(builder, *function.args)
        builder.ret_void()
        emit_share(self.module, function)

    def _by_vectors(self, builder: ir.IRBuilder, first: Any, end: Any, *, together: int = 1) -> Any:
        """Whole vectors of the elements, first so many at once, then what is left, one by one: (lanes, first of a loop,
        end, step)."""
        count = this_machine().vector_bytes // self.dtype.itemsize
        parts: list[tuple[Lanes, Any, Any, int]] = []
        for step in dict.fromkeys((together * count, count, 1)):
            stop = builder.sub(end, builder.urem(builder.sub(end, first), I64(step)))
            parts.append((Lanes(builder, self.format, step), first, stop, step))
            first = stop
        return parts

    def _at(self, builder: ir.IRBuilder, address: Any, *offsets: Any) -> Any:
        base = builder.inttoptr(address, POINTER)
        for offset in offsets:
            base = builder.gep(base, [offset], source_etype=self.format.scalar)
        return base

    def _load(self, builder: ir.IRBuilder, lanes: Lanes, address: Any, *offsets: Any) -> Any:
        return builder.load(self._at(builder, address, *offsets), typ=lanes.vector, align=self.format.bytes)

    def _add(self, builder: ir.IRBuilder, task: Any, first: Any, end: Any) -> None:
        given = numbers(builder, task, ("a", "b", "target"))
        for lanes, start, stop, step in self._by_vectors(builder, first, end):
            with loop(builder, start, stop, step) as index:
                a, b = (self._load(builder, lanes, given[name], index) for name in ("a", "b"))
                target = self._at(builder, given["target"], index)
                builder.store(builder.fadd(a, b), target, align=self.format.bytes)

    def _sum_rows(self, builder: ir.IRBuilder, task: Any, first: Any, end: Any) -> None:
        given = numbers(builder, task, ("source", "row", "rows", "target"))
        for lanes, start, stop, step in self._by_vectors(builder, first, end, together=_TOGETHER):
            with loop(builder, start, stop, step) as index:
                whole: dict[str, Any] = {"sum": lanes.constant(0.0)}
                with carrying(builder, I64(0), given["rows"], GROUP, whole) as group:
                    last = smaller(builder, builder.add(group, I64(GROUP)), given["rows"])
                    part: dict[str, Any] = {"sum": lanes.constant(0.0)}
                    with carrying(builder, group, last, 1, part) as row:
                        offset = builder.mul(row, given["row"])
                        more = self._load(builder, lanes, given["source"], offset, index)
                        part["sum"] = builder.fadd(part["sum"], more)
                    whole["sum"] = builder.fadd(whole["sum"], part["sum"])
                target = self._at(builder, given["target"], index)
                builder.store(whole["sum"], target, align=self.format.bytes)

    def _sum_columns(self, builder: ir.IRBuilder, task: Any, first: Any, end: Any) -> None:
        given = numbers(builder, task, ("source", "row", "columns", "target", "target_row"))
        with loop(builder, first, end, 1) as row:
            start = builder.mul(row, given["row"])
            total = ir.Constant(self.format.scalar, 0.0)
            for lanes, begin, stop, step in self._by_vectors(builder, I64(0), given["columns"]):
                part: dict[str, Any] = {"sum": lanes.constant(0.0)}
                with carrying(builder, begin, stop, step, part) as index:
                    more = self._load(builder, lanes, given["source"], start, index)
                    part["sum"] = builder.fadd(part["sum"], more)
                for lane in range(step):
                    total = builder.fadd(total, builder.extract_element(part["sum"], ir.Constant(ir.IntType(32), lane)))
            builder.store(total, self._at(builder, given["target"], builder.mul(row, given["target_row"])))

    def _largest(self, builder: ir.IRBuilder, task: Any, first: Any, end: Any) -> None:
        given = numbers(builder, task, ("source", "target"))
        size = self.dtype.itemsize
        integer = ir.IntType(8 * size)
        largest = I64(0)
        for _, start, stop, step in self._by_vectors(builder, first, end):
            kind = ir.VectorType(integer, step)
            mask = ir.Constant(kind, [2 ** (8 * size - 1) - 1] * step)
            most: dict[str, Any] = {"most": ir.Constant(kind, [0] * step)}
            with carrying(builder, start, stop, step, most) as index:
                place = builder.gep(builder.inttoptr(given["source"], POINTER), [index], source_etype=integer)
                bits = builder.and_(builder.load(place, typ=kind, align=size), mask)
                most["most"] = builder.select(builder.icmp_signed(">", bits, most["most"]), bits, most["most"])
            for lane in range(step):
                number = builder.extract_element(most["most"], ir.Constant(ir.IntType(32), lane))
                number = number if integer == I64 else builder.zext(number, I64)
                largest = larger(builder, largest, number)
        builder.store(largest, builder.inttoptr(given["target"], POINTER))
