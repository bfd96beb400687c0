"""Whole matrices as pairs of bfloat16, in words as in :mod:`.pairs`."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from llvmlite import ir
from torch import Tensor
from torch.nn.functional import pad

from ...compiler.render.llvm_math import FLOAT32, I16, I32, I64
from ...compiler.render.llvm_pairs import paired, rounded
from .blocking import this_machine
from .compile import Runnable, made_once, runnable
from .kept_code import Source
from .loops import by_vectors, loop, numbers
from .memory import lent, rows_apart
from .pairs import terms
from .team import emit_share
from .threads import run, wanted
from .writer import POINTER


def words(matrix: Tensor, units: int, *, transposed: bool) -> Tensor:
    """Weights of some gates, (units of each, K), in pairs along what is summed over: columns where ``transposed``,
    otherwise the units of each gate."""
    if transposed or not len(matrix):
        return along_rows(matrix)
    return across_rows(matrix.unflatten(0, (-1, units))).flatten(0, 1)


def along_rows(matrix: Tensor) -> Tensor:
    """(N, K) in float32 or bfloat16 as words (N, K / 2), zero where K is odd."""
    odd = matrix.shape[-1] % 2
    in_words = matrix.dtype == torch.bfloat16 and not odd
    if not in_words and _lies_in_rows(matrix):
        return _rounded_rows(matrix)
    return _as_words((pad(matrix, (0, 1)) if odd else matrix).to(torch.bfloat16))


def across_rows(matrix: Tensor) -> Tensor:
    """(..., K, M) as words (..., K / 2, M), each of two neighbouring rows."""
    if _lies_in_rows(matrix):
        return _paired_rows(matrix)
    odd = matrix.shape[-2] % 2
    halves = (pad(matrix, (0, 0, 0, 1)) if odd else matrix).to(torch.bfloat16)
    pairs = halves.unflatten(-2, (terms(matrix.shape[-2]), 2))
    return _as_words(pairs.transpose(-2, -1)).squeeze(-1)


def _lies_in_rows(matrix: Tensor) -> bool:
    return matrix.dim() == 2 and matrix.stride(1) == 1 and matrix.dtype in _SOURCES


def _rounded_rows(matrix: Tensor) -> Tensor:
    """Rows in words, in one pass that writes to memory that stays, since chunks of gradients need it."""
    rows, columns = matrix.shape
    result = lent(_WORDS, rows, terms(columns))
    _pass(rows_rounded(matrix.dtype), matrix, result, rows, 2 * terms(columns))
    return result


def _paired_rows(matrix: Tensor) -> Tensor:
    """Neighbouring rows in words, likewise, and apart, since products may go down their columns."""
    rows, columns = matrix.shape
    result = rows_apart(_WORDS, terms(rows), columns)
    _pass(rows_in_pairs(matrix.dtype), matrix, result, terms(rows), result.stride(0))
    return result


_WORDS = torch.empty(0, dtype=torch.float32, device="cpu")
# What the passes below are told, 64-bit integers: distances between rows are in numbers of a row.
PASS_TASK = ("source", "row", "rows", "columns", "target", "target_row")


def _pass(code: Runnable, source: Tensor, target: Tensor, items: int, target_row: int) -> None:
    """Run a kernel over all of a matrix, in so many items."""
    rows, columns = source.shape
    places = (source.data_ptr(), source.stride(0), rows, columns, target.data_ptr(), target_row)
    task = (ctypes.c_int64 * len(PASS_TASK))(*places)
    threads = wanted(rows * columns)
    run(code, ctypes.addressof(task), items, -(-items // threads), threads)


@made_once
def rows_rounded(dtype: torch.dtype) -> Runnable:
    """``run(task, first row, end)``: rows in this dtype to rows in bfloat16, one zero behind each where those are
    longer."""
    return runnable(Source(("rows rounded", dtype), lambda: str(_rows_rounded_module(dtype))))


@made_once
def rows_widened() -> Runnable:
    """``run(task, first row, end)``: rows in bfloat16 to rows in float32."""
    return runnable(Source("rows widened", lambda: str(_rows_widened_module())))


@made_once
def rows_in_pairs(dtype: torch.dtype) -> Runnable:
    """``run(task, first pair of rows, end)``: neighbouring rows in this dtype to one row of words each."""
    return runnable(Source(("rows in pairs", dtype), lambda: str(_rows_in_pairs_module(dtype))))


class _Pass:
    """A module whose ``run`` goes through some rows, vector by vector, and what is left of a row one by one."""

    def __init__(self, name: str) -> None:
        self.module = ir.Module(name)
        kind = ir.FunctionType(ir.VoidType(), (POINTER, I64, I64))
        function = ir.Function(self.module, kind, "run")
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        task, self.begin, self.end = function.args
        self.given = numbers(self.builder, task, PASS_TASK)

    def columns(self) -> Iterator[tuple[Any, int]]:
        """The body of a loop over columns, for vectors and for single numbers: the first column, and how many."""
        lanes = this_machine().vector_bytes // FLOAT32.bytes
        return by_vectors(self.builder, I64(0), self.given["columns"], lanes)

    def at(self, name: str, kind: ir.Type, *offsets: Any) -> Any:
        """The address of an element of an array of this type."""
        address = self.builder.inttoptr(self.given[name], POINTER)
        for offset in offsets:
            address = self.builder.gep(address, [offset], source_etype=kind)
        return address

    def halves(self, source: _Format, offset: Any, column: Any, count: int) -> Any:
        """So many numbers of the source in bfloat16, as integers."""
        address = self.at("source", source.scalar, offset, column)
        found = self.builder.load(address, typ=ir.VectorType(source.scalar, count), align=source.bytes)
        return rounded(self.builder, found) if source.scalar == FLOAT32.scalar else found

    def store(self, value: Any, kind: ir.Type, size: int, *offsets: Any) -> None:
        """Put a vector into the target, an array of this type."""
        self.builder.store(value, self.at("target", kind, *offsets), align=size)

    def complete(self) -> ir.Module:
        """The module, complete."""
        self.builder.ret_void()
        emit_share(self.module, self.module.get_global("run"))
        return self.module


def _rows_rounded_module(dtype: torch.dtype) -> ir.Module:
    rows = _Pass("rows_rounded")
    builder, given = rows.builder, rows.given
    longer = builder.icmp_signed(">", given["target_row"], given["columns"])
    with loop(builder, rows.begin, rows.end, 1) as row:
        source, target = (builder.mul(row, given[name]) for name in ("row", "target_row"))
        for column, count in rows.columns():
            rows.store(rows.halves(_SOURCES[dtype], source, column, count), I16, 2, target, column)
        with builder.if_then(longer):
            rows.store(I16(0), I16, 2, target, given["columns"])
    return rows.complete()


def _rows_widened_module() -> ir.Module:
    rows = _Pass("rows_widened")
    builder, given = rows.builder, rows.given
    with loop(builder, rows.begin, rows.end, 1) as row:
        source, target = (builder.mul(row, given[name]) for name in ("row", "target_row"))
        for column, count in rows.columns():
            words = ir.VectorType(I32, count)
            halves = builder.zext(rows.halves(_SOURCES[torch.bfloat16], source, column, count), words)
            rows.store(builder.shl(halves, ir.Constant(words, [16] * count)), I32, 4, target, column)
    return rows.complete()


def _rows_in_pairs_module(dtype: torch.dtype) -> ir.Module:
    rows, source = _Pass("rows_in_pairs"), _SOURCES[dtype]
    builder, given = rows.builder, rows.given
    with loop(builder, rows.begin, rows.end, 1) as pair:
        row = builder.mul(pair, I64(2))
        there = builder.icmp_signed("<", builder.add(row, I64(1)), given["rows"])
        first, target = builder.mul(row, given["row"]), builder.mul(pair, given["target_row"])
        second = builder.add(first, builder.select(there, given["row"], I64(0)))
        for column, count in rows.columns():
            low, high = (rows.halves(source, offset, column, count) for offset in (first, second))
            high = builder.select(there, high, ir.Constant(high.type, None))
            rows.store(paired(builder, low, high), I32, 4, target, column)
    return rows.complete()


class _Format(NamedTuple):
    """How numbers of a matrix lie in memory: as what LLVM loads, of so many bytes."""

    scalar: ir.Type
    bytes: int


_SOURCES = {torch.float32: _Format(FLOAT32.scalar, FLOAT32.bytes), torch.bfloat16: _Format(I16, 2)}


def _as_words(halves: Tensor) -> Tensor:
    """Two numbers of the last dimension as one, in place where all rows begin with a word."""
    *rows, last = halves.stride()
    if last == 1 and not any(start % 2 for start in (halves.storage_offset(), *rows)):
        return halves.view(torch.float32)
    *shape, length = halves.shape
    row = halves.contiguous().view(-1)  # a dimension of one may have any stride
    return (row.clone() if row.storage_offset() % 2 else row).view(torch.float32).view(*shape, length // 2)
