"""All that is made of the gradients of pre-activations before products over time read them, in one pass, which loads
each once: sums, products with an input of few columns, and words of bfloat16 as in :mod:`.pairs`."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from llvmlite import ir
from torch import Tensor

from ...compiler.render.llvm_math import I16, I32, I64, Lanes
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
from .writer import FORMATS, POINTER

MOST_COLUMNS = 4
"""Of what is multiplied in passing. A product of its own has sixteen columns at least, most of them padding then."""


class Factors(NamedTuple):
    """What is made of gradients (N, M). over_time: their columns, in words of two rows where products take halves.
    of_rows: their rows, in bfloat16 there, or empty if nobody asked for them. sums: over the rows, (M,). products: with
    the columns of what was given, (I, M)."""

    over_time: Tensor
    of_rows: Tensor
    sums: Tensor
    products: Tensor


class _Kind(NamedTuple):
    """What is asked for. pairs: see :class:`.blocking.Machine`, or empty. columns: of what is multiplied."""

    dtype: torch.dtype
    pairs: str
    of_rows: bool
    columns: int


# What the pass is told, 64-bit integers: distances between rows are in numbers of a row. sums: first of the gradients
# themselves, then with each column; part: those of a group of rows.
_TASK = (
    *("source", "source_row", "rows", "over_time", "over_time_row", "of_rows", "of_rows_row"),
    *("sums", "sums_row", "part", "part_row", "times", "times_row"),
)


def plain_factors(matrix: Tensor, times: Tensor) -> Factors:
    """Of (N, M) whose last dimension is contiguous, in float32 or float64: it as it is, its sums, in the order of
    :func:`.elements.sum_rows`, and its products with ``times``, (N, I)."""
    sums = _passed(matrix, times, matrix[:0], matrix[:0], "")
    return Factors(matrix, matrix, sums[0], sums[1:])


def rounded_factors(matrix: Tensor, times: Tensor, *, of_rows: bool) -> Factors:
    """Of float32 (N, M) whose last dimension is contiguous: words (N / 2, M), bfloat16 (N, M) if wanted, the sums of
    what was not rounded, and products of what was with ``times``, words (N / 2, I)."""
    rows, columns = matrix.shape
    over_time = rows_apart(matrix, terms(rows), columns)
    halves = rows_apart(matrix.new_empty(0, dtype=torch.bfloat16), rows if of_rows else 0, columns)
    sums = _passed(matrix, times, over_time, halves, this_machine().pairs)
    return Factors(over_time, halves, sums[0], sums[1:])


def _passed(matrix: Tensor, times: Tensor, over_time: Tensor, of_rows: Tensor, pairs: str) -> Tensor:
    rows, columns = matrix.shape
    sums, part = matrix.new_empty(2, 1 + times.shape[1], columns)
    arrays = (over_time, of_rows, sums, part, times)
    places = (matrix.data_ptr(), matrix.stride(0), rows, *(n for a in arrays for n in (a.data_ptr(), a.stride(0))))
    task = (ctypes.c_int64 * len(_TASK))(*places)
    threads = wanted(rows * columns)
    code = _pass(_Kind(matrix.dtype, pairs, bool(len(of_rows)), times.shape[1]))
    run(code, ctypes.addressof(task), columns, -(-columns // threads), threads)
    return sums


@made_once
def _pass(kind: _Kind) -> Runnable:
    """``run(task, first column, end)``."""
    return runnable(Source(("factors", *kind), lambda: str(_Pass(kind).module)))


class _Pass:
    """A module whose ``run`` goes through some columns of all rows, two rows at a time, since they lie side by side."""

    def __init__(self, kind: _Kind) -> None:
        self.kind, self.format = kind, FORMATS[kind.dtype]
        self.module = ir.Module("factors")
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), (POINTER, I64, I64)), "run")
        self.builder = builder = ir.IRBuilder(function.append_basic_block("entry"))
        task, self.first, self.end = function.args
        self.given = numbers(builder, task, _TASK)
        scalar = self.format.scalar
        self.sums, self.parts = (
            [self._row(name, scalar, I64(index)) for index in range(1 + kind.columns)] for name in ("sums", "part")
        )
        rows = self.given["rows"]
        self._clear(self.sums)
        with loop(builder, I64(0), rows, GROUP) as group:
            self._clear(self.parts)
            with loop(builder, group, smaller(builder, builder.add(group, I64(GROUP)), rows), 2) as row:
                self._two_rows(row)
            self._add_parts()
        builder.ret_void()
        emit_share(self.module, function)

    def _columns(self) -> Iterator[tuple[Any, Lanes]]:
        """The body of a loop over columns: the first of a vector, and its lanes."""
        whole = this_machine().vector_bytes // self.format.bytes
        for column, count in by_vectors(self.builder, self.first, self.end, whole):
            # The instruction for pairs takes whole vectors; the other has the same bits.
            pairs = self.kind.pairs if count == whole else self.kind.pairs and "portable"
            yield column, Lanes(self.builder, self.format, count, pairs=pairs)

    def _clear(self, targets: list[Any]) -> None:
        for column, lanes in self._columns():
            for target in targets:
                self._store(lanes.constant(0.0), target, column)

    def _add_parts(self) -> None:
        """The sums of a group to those of all before it."""
        for column, lanes in self._columns():
            for total, part in zip(self.sums, self.parts, strict=True):
                both = (self._load(lanes, place, column) for place in (total, part))
                self._store(self.builder.fadd(*both), total, column)

    def _two_rows(self, row: Any) -> None:
        """Add them to a group's sums, and write them rounded where pairs are wanted. Where the second is not there, it
        counts as zeros, which the first, whose place it takes, is written over."""
        builder, scalar = self.builder, self.format.scalar
        there = builder.icmp_signed("<", builder.add(row, I64(1)), self.given["rows"])
        both = (row, builder.select(there, builder.add(row, I64(1)), row))
        sources = [self._row("source", scalar, at) for at in both]
        of_rows = [self._row("of_rows", I16, at) for at in both] if self.kind.of_rows else []
        words = self._row("over_time", I32, builder.lshr(row, I64(1))) if self.kind.pairs else None
        factors = self._factors(both, there)
        integer = self.format.integer
        kept = builder.select(there, ir.Constant(integer, -1), ir.Constant(integer, 0))
        for column, lanes in self._columns():
            first, second = (self._load(lanes, source, column) for source in sources)
            mask = builder.bitcast(lanes.splat(builder.bitcast(kept, scalar)), lanes.integers)
            second = builder.bitcast(builder.and_(builder.bitcast(second, lanes.integers), mask), lanes.vector)
            total = builder.fadd(self._load(lanes, self.parts[0], column), first)
            self._store(builder.fadd(total, second), self.parts[0], column)
            multiplied = [first, second]
            if words is not None:
                word = self._write_rounded((first, second), words, of_rows, column)
                multiplied = [builder.bitcast(word, lanes.vector)]
            for part, of_column in zip(self.parts[1:], factors, strict=True):
                total = self._load(lanes, part, column)
                for values, factor in zip(multiplied, of_column, strict=True):
                    total = lanes.add_product(values, lanes.splat(factor), total)
                self._store(total, part, column)

    def _write_rounded(self, both: tuple[Any, Any], words: Any, of_rows: list[Any], column: Any) -> Any:
        """Numbers of two rows as words, and, if wanted, each in its row. Returns the words."""
        halves = [rounded(self.builder, values) for values in both]
        word = paired(self.builder, *halves)
        self._store(word, words, column)
        for target, half in reversed([*zip(of_rows, halves, strict=False)]):
            self._store(half, target, column)
        return word

    def _factors(self, rows: tuple[Any, Any], there: Any) -> list[list[Any]]:
        """For each column of what is multiplied, the number of each row, or the word of both."""
        builder, scalar = self.builder, self.format.scalar
        places = (builder.lshr(rows[0], I64(1)),) if self.kind.pairs else rows
        starts = [self._row("times", scalar, at) for at in places]
        loaded = [
            [builder.load(builder.gep(start, [I64(column)], source_etype=scalar), typ=scalar) for start in starts]
            for column in range(self.kind.columns)
        ]
        zero = ir.Constant(scalar, 0.0)
        return [[first, *(builder.select(there, number, zero) for number in rest)] for first, *rest in loaded]

    def _load(self, lanes: Lanes, row: Any, column: Any) -> Any:
        address = self.builder.gep(row, [column], source_etype=self.format.scalar)
        return self.builder.load(address, typ=lanes.vector, align=self.format.bytes)

    def _store(self, value: Any, row: Any, column: Any) -> None:
        kind = value.type.element
        address = self.builder.gep(row, [column], source_etype=kind)
        self.builder.store(value, address, align=2 if kind == I16 else self.format.bytes)

    def _row(self, name: str, kind: ir.Type, row: Any) -> Any:
        """Where a row of an array of this type begins."""
        start = self.builder.inttoptr(self.given[name], POINTER)
        return self.builder.gep(start, [self.builder.mul(row, self.given[f"{name}_row"])], source_etype=kind)
