"""Whole matrices as pairs of bfloat16, in words as in :mod:`.pairs`."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from llvmlite import ir
from torch import Tensor
from torch.nn.functional import pad

from ...compiler.render.llvm_math import FLOAT32, I32, I64
from ...compiler.render.llvm_pairs import rounded
from .blocking import this_machine
from .compile import Runnable, made_once, runnable
from .kept_code import Source
from .loops import loop, numbers
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
    return _as_words((pad(matrix, (0, 1)) if odd else matrix).to(torch.bfloat16))


def across_rows(matrix: Tensor) -> Tensor:
    """(..., K, M) as words (..., K / 2, M), each of two neighbouring rows."""
    if matrix.dtype == torch.float32 and matrix.dim() == 2 and matrix.stride(1) == 1:
        return _rounded_across_rows(matrix)
    odd = matrix.shape[-2] % 2
    halves = (pad(matrix, (0, 0, 0, 1)) if odd else matrix).to(torch.bfloat16)
    pairs = halves.unflatten(-2, (terms(matrix.shape[-2]), 2))
    return _as_words(pairs.transpose(-2, -1)).squeeze(-1)


def _rounded_across_rows(matrix: Tensor) -> Tensor:
    """The same of a float32 matrix in one pass, in half of torch's time or less, since chunks of gradients need it."""
    rows, columns = matrix.shape
    result = matrix.new_empty(terms(rows), columns)
    places = (matrix.data_ptr(), matrix.stride(0), rows, columns, result.data_ptr())
    task = (ctypes.c_int64 * len(_TASK))(*places)
    threads = wanted(rows * columns)
    run(_rows_in_pairs(), ctypes.addressof(task), len(result), -(-len(result) // threads), threads)
    return result


_TASK = ("source", "row", "rows", "columns", "target")


@made_once
def _rows_in_pairs() -> Runnable:
    """``run(task, first pair of rows, end)``."""
    return runnable(Source("rows in pairs", lambda: str(_rows_in_pairs_module())))


def _rows_in_pairs_module() -> ir.Module:
    module = ir.Module("rows_in_pairs")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), (POINTER, I64, I64)), "run")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    task, begin, end = function.args
    given = numbers(builder, task, _TASK)
    lanes = this_machine().vector_bytes // FLOAT32.bytes
    whole = builder.mul(builder.udiv(given["columns"], I64(lanes)), I64(lanes))

    def at(address: Any, row: Any, column: Any) -> Any:
        base = builder.gep(builder.inttoptr(address, POINTER), [row], source_etype=FLOAT32.scalar)
        return builder.gep(base, [column], source_etype=FLOAT32.scalar)

    def halves(row: Any, column: Any, words: ir.VectorType) -> Any:
        vector = ir.VectorType(FLOAT32.scalar, words.count)
        found = builder.load(at(given["source"], row, column), typ=vector, align=FLOAT32.bytes)
        return builder.zext(rounded(builder, found), words)

    with loop(builder, begin, end, 1) as pair:
        row = builder.mul(pair, I64(2))
        there = builder.icmp_signed("<", builder.add(row, I64(1)), given["rows"])
        offset = builder.mul(row, given["row"])
        second = builder.add(offset, builder.select(there, given["row"], I64(0)))
        for start, stop, count in ((I64(0), whole, lanes), (whole, given["columns"], 1)):
            words = ir.VectorType(I32, count)
            none, shift = (ir.Constant(words, [value] * count) for value in (0, 16))
            with loop(builder, start, stop, count) as column:
                above = builder.shl(halves(second, column, words), shift)
                both = builder.or_(halves(offset, column, words), builder.select(there, above, none))
                target = at(given["target"], builder.mul(pair, given["columns"]), column)
                builder.store(both, target, align=FLOAT32.bytes)
    builder.ret_void()
    emit_share(module, function)
    return module


def _as_words(halves: Tensor) -> Tensor:
    """Two numbers of the last dimension as one."""
    *shape, length = halves.shape
    row = halves.contiguous().view(-1)  # a dimension of one may have any stride
    return (row.clone() if row.storage_offset() % 2 else row).view(torch.float32).view(*shape, length // 2)
