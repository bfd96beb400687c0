"""Operands of products as pairs of bfloat16: rows of a step by the kernel itself, whole matrices by torch.

A word of 32 bits holds two numbers that follow each other along the sum, in the order in which the processor's
instruction reads them, and is carried as one float32. So weights are packed, and tiles walk over them, as if there were
half as many numbers.
"""

from __future__ import annotations

import torch
from llvmlite import ir
from torch import Tensor
from torch.nn.functional import pad

from ...compiler.render.llvm_math import I32, I64
from ...compiler.render.llvm_pairs import rounded
from ...compiler.stages import Stage, in_pairs
from .loops import loop, smaller
from .tiles import later_products
from .writer import POINTER, Writer


def terms(length: int) -> int:
    """How many pairs so many numbers make."""
    return -(-length // 2)


def along_rows(matrix: Tensor) -> Tensor:
    """(N, K) in float32 or bfloat16 as words (N, K / 2), zero where K is odd."""
    odd = matrix.shape[-1] % 2
    return _as_words((pad(matrix, (0, 1)) if odd else matrix).to(torch.bfloat16))


def across_rows(matrix: Tensor) -> Tensor:
    """(..., K, M) as words (..., K / 2, M), each of two neighbouring rows."""
    odd = matrix.shape[-2] % 2
    halves = (pad(matrix, (0, 0, 0, 1)) if odd else matrix).to(torch.bfloat16)
    pairs = halves.unflatten(-2, (terms(matrix.shape[-2]), 2))
    return _as_words(pairs.transpose(-2, -1)).squeeze(-1)


def _as_words(halves: Tensor) -> Tensor:
    """Two numbers of the last dimension as one."""
    *shape, length = halves.shape
    row = halves.contiguous().view(-1)  # a dimension of one may have any stride
    return (row.clone() if row.storage_offset() % 2 else row).view(torch.float32).view(*shape, length // 2)


def emit_pairs(writer: Writer, stage: Stage, name: str, lanes: int) -> ir.Function:
    """A function of (table, places, row) that rounds what the stage's later products multiply: once for a row, whatever
    number of blocks of units read it."""
    function, builder = writer.function(name, POINTER, POINTER, I64)
    table, places, row = function.args
    units = writer.slot(builder, table, "units")
    for operand in dict.fromkeys(product.operand for product in later_products(stage)):
        source, target = (writer.row(builder, places, array, row) for array in (operand, in_pairs(operand)))
        builder.call(_rounding(writer, lanes), (source, target, units))
    builder.ret_void()
    return function


def _rounding(writer: Writer, lanes: int) -> ir.Function:
    """A function of (numbers, pairs, how many numbers), there once in a module."""
    known = writer.module.globals.get("round_pairs")
    if known is not None:
        return known
    function, builder = writer.function("round_pairs", POINTER, POINTER, I64)
    source, target, count = function.args
    kind, word, size = writer.format.scalar, ir.VectorType(writer.format.scalar, lanes), writer.format.bytes
    whole = builder.mul(builder.udiv(count, I64(2 * lanes)), I64(2 * lanes))
    with loop(builder, I64(0), whole, 2 * lanes) as k:
        at = writer.element(builder, source, k)
        numbers = builder.load(at, typ=ir.VectorType(kind, 2 * lanes), align=size)
        pairs = builder.bitcast(rounded(builder, numbers), word)
        builder.store(pairs, writer.element(builder, target, builder.lshr(k, I64(1))), align=size)
    last = builder.sub(count, I64(1))
    with loop(builder, whole, count, 2) as k:
        beside = smaller(builder, builder.add(k, I64(1)), last)
        first, second = (
            builder.zext(rounded(builder, builder.load(writer.element(builder, source, at), typ=kind)), I32)
            for at in (k, beside)
        )
        second = builder.select(builder.icmp_signed("==", k, last), I32(0), builder.shl(second, I32(16)))
        pair = builder.bitcast(builder.or_(first, second), kind)
        builder.store(pair, writer.element(builder, target, builder.lshr(k, I64(1))))
    builder.ret_void()
    return function


def words(matrix: Tensor, units: int, *, transposed: bool) -> Tensor:
    """Weights of some gates, (units of each, K), in pairs along what is summed over: columns where ``transposed``,
    otherwise the units of each gate."""
    if transposed or not len(matrix):
        return along_rows(matrix)
    return across_rows(matrix.unflatten(0, (-1, units))).flatten(0, 1)
