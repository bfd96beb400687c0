"""All that is made of the gradients of pre-activations before products over time read them, in one pass, which loads
each once: sums, products with an input of one column, and words of bfloat16 as in :mod:`.pairs`."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from llvmlite import ir
from torch import Tensor

from ...compiler.render.llvm_math import I16, I32, I64, Lanes
from ...compiler.render.llvm_pairs import paired, rounded
from .arrays import Addressed
from .blocking import this_machine
from .compile import Runnable, made_once, runnable
from .elements import GROUP, sum_rows
from .kept_code import Source
from .loops import by_vectors, loop, numbers, smaller
from .memory import rows_apart
from .pairs import terms
from .team import emit_share
from .threads import run, wanted
from .writer import FORMATS, POINTER


class Factors(NamedTuple):
    """What is made of gradients (N, ...). over_time: their columns, in words of two rows where products take halves.
    of_rows: their rows, in bfloat16 there, or empty if nobody asked for them. sums: over the rows, (...). products:
    with a column, (...), where one was given."""

    over_time: Tensor
    of_rows: Tensor
    sums: Tensor
    products: Tensor


# What the pass is told, 64-bit integers: distances between rows are in numbers of a row. sums: rows for the sums of the
# gradients, for those of their products with ``times``, and for both of a group of rows.
_TASK = (
    *("source", "source_row", "rows", "over_time", "over_time_row", "of_rows", "of_rows_row"),
    *("sums", "sums_row", "times", "times_row"),
)
SUMS = 4
"""Rows of ``sums``."""


def task_of(
    source: Addressed, over_time: Addressed, of_rows: Addressed, sums: Addressed, times: Addressed
) -> list[int]:
    """What a pass is told. sums: (``SUMS``, M), of which the first two rows are what was asked for."""
    arrays = (over_time, of_rows, sums, times)
    numbers = [source.data_ptr(), source.stride(0), len(source)]
    return numbers + [number for array in arrays for number in (array.data_ptr(), array.stride(0))]


def factors_of(gradients: Tensor, times: Tensor | None, *, halves: bool, of_rows: bool) -> Factors:
    """Of (N, ...), where only rows may lie apart. Sums are taken in the order of :func:`.elements.sum_rows`.

    times: (N, 1), or None. halves: gradients are rounded to bfloat16 then, but for their sums, and ``times`` is words
    (N / 2, 1). of_rows: wanted rounded too.
    """
    flat, shape = gradients.flatten(1), gradients.shape[1:]
    sums = gradients.new_empty(SUMS, flat.shape[1])
    over_time = in_rows = gradients
    if halves:
        over_time = rows_apart(gradients, terms(len(flat)), *shape)
        in_rows = rows_apart(_HALVES, len(flat) if of_rows else 0, *shape)
    if halves or times is not None:
        _run(flat, over_time, in_rows, sums, times, this_machine().pairs if halves else "")
    else:
        sum_rows(sums[0], flat)
    return Factors(over_time, in_rows, *sums[:2].unflatten(1, shape))


_HALVES = torch.empty(0, dtype=torch.bfloat16, device="cpu")


def _run(gradients: Tensor, over_time: Tensor, of_rows: Tensor, sums: Tensor, times: Tensor | None, pairs: str) -> None:
    content = task_of(gradients, over_time, of_rows, sums, sums if times is None else times)
    task = (ctypes.c_int64 * len(_TASK))(*content)
    (rows, columns), rounds_rows = gradients.shape, bool(pairs) and len(of_rows) > 0
    threads = wanted(rows * columns)
    code = factor_pass(gradients.dtype, pairs, of_rows=rounds_rows, times=times is not None)
    run(code, ctypes.addressof(task), columns, -(-columns // threads), threads)


@made_once
def factor_pass(dtype: torch.dtype, pairs: str, *, of_rows: bool, times: bool) -> Runnable:
    """``run(task, first column, end)``. pairs: see :class:`.blocking.Machine`, empty where nothing is rounded."""
    kind = _Kind(dtype, pairs, of_rows, times)
    return runnable(Source(("factors", *kind), lambda: str(_Pass(kind).module)))


class _Kind(NamedTuple):
    """See :func:`factor_pass`."""

    dtype: torch.dtype
    pairs: str
    of_rows: bool
    times: bool


class _Pass:
    """A module whose ``run`` goes through some columns of all rows, two rows at a time, since they lie side by side."""

    def __init__(self, kind: _Kind) -> None:
        self.kind, self.format = kind, FORMATS[kind.dtype]
        self.module = ir.Module("factors")
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), (POINTER, I64, I64)), "run")
        self.builder = builder = ir.IRBuilder(function.append_basic_block("entry"))
        task, self.first, self.end = function.args
        self.given = numbers(builder, task, _TASK)
        places = [self._row("sums", self.format.scalar, I64(index)) for index in range(SUMS)]
        count = SUMS // 2 if kind.times else 1
        self.sums, self.parts = places[:count], places[SUMS // 2 :][:count]
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
        factors = self._factors(both, there) if self.kind.times else []
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
            for part in self.parts[1:]:
                total = self._load(lanes, part, column)
                for values, factor in zip(multiplied, factors, strict=True):
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

    def _factors(self, rows: tuple[Any, Any], there: Any) -> list[Any]:
        """What is multiplied with: the number of each row, or the word of both."""
        builder, scalar = self.builder, self.format.scalar
        places = (builder.lshr(rows[0], I64(1)),) if self.kind.pairs else rows
        first, *rest = (builder.load(self._row("times", scalar, at), typ=scalar) for at in places)
        return [first, *(builder.select(there, number, ir.Constant(scalar, 0.0)) for number in rest)]

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
