"""Gradients of pre-activations as products of bfloat16 read them, in words as in :mod:`.pairs`: all that is made of
them in one pass, which loads each once."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from llvmlite import ir
from torch import Tensor

from ...compiler.render.llvm_math import FLOAT32, I16, I32, I64
from ...compiler.render.llvm_pairs import paired, rounded
from .blocking import this_machine
from .compile import Runnable, made_once, runnable
from .elements import GROUP
from .kept_code import Source
from .loops import by_vectors, loop, numbers, smaller
from .memory import rows_apart
from .pairs import terms
from .team import emit_share
from .threads import run, wanted
from .writer import POINTER


class Factors(NamedTuple):
    """What is made of gradients (N, M). over_time: their columns, in words of two rows where products take halves.
    of_rows: their rows, in bfloat16 there, or empty if nobody asked for them. sums: over the rows, (M,)."""

    over_time: Tensor
    of_rows: Tensor
    sums: Tensor


# What the pass is told, 64-bit integers: distances between rows are in numbers of a row.
_TASK = ("source", "source_row", "rows", "over_time", "over_time_row", "of_rows", "of_rows_row", "sums", "part")


def rounded_factors(matrix: Tensor, *, of_rows: bool) -> Factors:
    """Of float32 (N, M) whose last dimension is contiguous: words (N / 2, M), bfloat16 (N, M) if wanted, and sums of
    what was not rounded, in the order of :func:`.elements.sum_rows`."""
    rows, columns = matrix.shape
    over_time = rows_apart(matrix, terms(rows), columns)
    halves = rows_apart(matrix.new_empty(0, dtype=torch.bfloat16), rows if of_rows else 0, columns)
    sums, part = matrix.new_empty(2, columns)
    targets = [number for target in (over_time, halves) for number in (target.data_ptr(), target.stride(0))]
    places = (matrix.data_ptr(), matrix.stride(0), rows, *targets, sums.data_ptr(), part.data_ptr())
    task = (ctypes.c_int64 * len(_TASK))(*places)
    threads = wanted(rows * columns)
    run(_rounding(of_rows), ctypes.addressof(task), columns, -(-columns // threads), threads)
    return Factors(over_time, halves, sums)


@made_once
def _rounding(of_rows: bool) -> Runnable:
    """``run(task, first column, end)``."""
    return runnable(Source(("rounded factors", of_rows), lambda: str(_Rounding(of_rows).module)))


def _lanes() -> int:
    return this_machine().vector_bytes // FLOAT32.bytes


class _Rounding:
    """A module whose ``run`` goes through some columns of all rows, two rows at a time, since they lie side by side."""

    def __init__(self, of_rows: bool) -> None:
        self.of_rows = of_rows
        self.module = ir.Module("rounded_factors")
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), (POINTER, I64, I64)), "run")
        self.builder = builder = ir.IRBuilder(function.append_basic_block("entry"))
        task, self.first, self.end = function.args
        self.given = numbers(builder, task, _TASK)
        rows = self.given["rows"]
        self._clear("sums")
        with loop(builder, I64(0), rows, GROUP) as group:
            self._clear("part")
            with loop(builder, group, smaller(builder, builder.add(group, I64(GROUP)), rows), 2) as row:
                self._two_rows(row)
            self._add_part()
        builder.ret_void()
        emit_share(self.module, function)

    def _columns(self) -> Iterator[tuple[Any, int]]:
        return by_vectors(self.builder, self.first, self.end, _lanes())

    def _clear(self, name: str) -> None:
        target = self._row(name, FLOAT32.scalar)
        for column, count in self._columns():
            self._store(ir.Constant(ir.VectorType(FLOAT32.scalar, count), [0.0] * count), target, column)

    def _add_part(self) -> None:
        """The sums of a group to those of all before it."""
        sums, part = (self._row(name, FLOAT32.scalar) for name in ("sums", "part"))
        for column, count in self._columns():
            self._add(sums, column, self._load(part, column, count))

    def _two_rows(self, row: Any) -> None:
        """Add them to a group's sums, and write them rounded. Where the second is not there, it counts as zeros, which
        the first, whose place it takes, is written over."""
        builder = self.builder
        there = builder.icmp_signed("<", builder.add(row, I64(1)), self.given["rows"])
        below = builder.select(there, builder.add(row, I64(1)), row)
        sources = [self._row("source", FLOAT32.scalar, at) for at in (row, below)]
        targets = [self._row("of_rows", I16, at) for at in (row, below)] if self.of_rows else []
        pairs, part = self._row("over_time", I32, builder.lshr(row, I64(1))), self._row("part", FLOAT32.scalar)
        kept = [self._splat(builder.select(there, I32(-1), I32(0)), count) for count in (_lanes(), 1)]
        for (column, count), mask in zip(self._columns(), kept, strict=True):
            first, second = (self._load(source, column, count) for source in sources)
            second = builder.bitcast(builder.and_(builder.bitcast(second, mask.type), mask), second.type)
            self._add(part, column, first, second)
            both = [rounded(builder, numbers) for numbers in (first, second)]
            self._store(paired(builder, *both), pairs, column)
            for target, halves in reversed([*zip(targets, both, strict=False)]):
                self._store(halves, target, column)

    def _add(self, target: Any, column: Any, *values: Any) -> None:
        """To what stands there, one after the other."""
        total = self._load(target, column, values[0].type.count)
        for value in values:
            total = self.builder.fadd(total, value)
        self._store(total, target, column)

    def _splat(self, word: Any, count: int) -> Any:
        kind = ir.VectorType(I32, count)
        first = self.builder.insert_element(ir.Constant(kind, ir.Undefined), word, I32(0))
        return self.builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), ir.Constant(kind, [0] * count))

    def _load(self, row: Any, column: Any, count: int) -> Any:
        address = self.builder.gep(row, [column], source_etype=FLOAT32.scalar)
        return self.builder.load(address, typ=ir.VectorType(FLOAT32.scalar, count), align=FLOAT32.bytes)

    def _store(self, value: Any, row: Any, column: Any) -> None:
        kind = value.type.element
        address = self.builder.gep(row, [column], source_etype=kind)
        self.builder.store(value, address, align=2 if kind == I16 else FLOAT32.bytes)

    def _row(self, name: str, kind: ir.Type, row: Any = None) -> Any:
        """Where a row of an array of this type begins, the only one without its number."""
        start = self.builder.inttoptr(self.given[name], POINTER)
        if row is None:
            return start
        return self.builder.gep(start, [self.builder.mul(row, self.given[f"{name}_row"])], source_etype=kind)
