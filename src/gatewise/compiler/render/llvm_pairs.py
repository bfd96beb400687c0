"""Pairs of bfloat16 in one word of 32 bits: how they are made of float32, and their products, with sums in float32.

The first number of a pair is in the lower half. Words travel as float32, which nothing but the functions here computes
with; a pair's product is one instruction where a processor has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llvmlite import ir

_I16, _I32 = ir.IntType(16), ir.IntType(32)
_SIGN, _EXPONENT, _UPPER = 0x8000_0000, 0x7F80_0000, 0xFFFF_0000


class _BFloat(ir.Type):
    """LLVM's type, which llvmlite has no name for."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash(_BFloat)


def _instruction(name: str, builder: ir.IRBuilder, a: Any, b: Any, c: Any) -> Any:
    pairs = ir.VectorType(_BFloat(), 2 * c.type.count)
    function = builder.module.globals.get(name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(c.type, (c.type, pairs, pairs)), name)
    return builder.call(function, (c, builder.bitcast(a, pairs), builder.bitcast(b, pairs)))


def _avx512bf16(builder: ir.IRBuilder, a: Any, b: Any, c: Any) -> Any:
    """``vdpbf16ps``."""
    return _instruction(f"llvm.x86.avx512bf16.dpbf16ps.{32 * c.type.count}", builder, a, b, c)


def _neon(builder: ir.IRBuilder, a: Any, b: Any, c: Any) -> Any:
    """``bfdot``, which rounds both products and their sum, to odd."""
    return _instruction(f"llvm.aarch64.neon.bfdot.v{c.type.count}f32.v{2 * c.type.count}bf16", builder, a, b, c)


def _portable(builder: ir.IRBuilder, a: Any, b: Any, c: Any) -> Any:
    """What ``vdpbf16ps`` is defined to do (Intel, Architecture Instruction Set Extensions, VDPBF16PS): the second
    numbers of the pairs are multiplied and added, rounded once, to nearest even, then the first; what is subnormal is
    zero, before and after."""
    module, name = builder.module, f"pairs_dot_{c.type.count}"
    function = module.globals.get(name)
    if function is None:
        function = ir.Function(module, ir.FunctionType(c.type, (c.type,) * 3), name)
        function.linkage = "internal"
        inner = ir.IRBuilder(function.append_basic_block("entry"))
        inner.ret(_as_defined(inner, *function.args))
    return builder.call(function, (a, b, c))


def _as_defined(builder: ir.IRBuilder, a: Any, b: Any, c: Any) -> Any:
    kind, words = c.type, ir.VectorType(_I32, c.type.count)
    name = f"llvm.fma.v{kind.count}f32"
    fma = builder.module.globals.get(name) or ir.Function(builder.module, ir.FunctionType(kind, (kind,) * 3), name)

    def normal(value: Any) -> Any:
        bits = builder.bitcast(value, words)
        small = builder.icmp_unsigned("==", builder.and_(bits, _all(words, _EXPONENT)), _all(words, 0))
        zero = builder.and_(bits, _all(words, _SIGN))
        return builder.bitcast(builder.select(small, zero, bits), kind)

    def second(value: Any) -> Any:
        return normal(builder.bitcast(builder.and_(builder.bitcast(value, words), _all(words, _UPPER)), kind))

    def first(value: Any) -> Any:
        return normal(builder.bitcast(builder.shl(builder.bitcast(value, words), _all(words, 16)), kind))

    total = normal(builder.call(fma, (second(a), second(b), normal(c))))
    return normal(builder.call(fma, (first(a), first(b), total)))


DOTS: Mapping[str, Callable[[ir.IRBuilder, Any, Any, Any], Any]] = {
    "avx512bf16": _avx512bf16,
    "neon": _neon,
    "portable": _portable,
}
"""(builder, a, b, c): c plus the products of the pairs of a and b, vectors of as many words, by what does it."""


def rounded(builder: ir.IRBuilder, numbers: Any) -> Any:
    """float32, one number or a vector, to the nearest bfloat16, ties to even, as integers of 16 bits; NaN stays NaN."""
    count = getattr(numbers.type, "count", 0)
    words, halves = (ir.VectorType(kind, count) if count else kind for kind in (_I32, _I16))
    bits = builder.bitcast(numbers, words)
    upper = builder.lshr(bits, _all(words, 16))
    half = builder.add(_all(words, 0x7FFF), builder.and_(upper, _all(words, 1)))
    nearest = builder.lshr(builder.add(bits, half), _all(words, 16))
    missing = builder.fcmp_unordered("uno", numbers, numbers)
    return builder.trunc(builder.select(missing, builder.or_(upper, _all(words, 0x40)), nearest), halves)


def paired(builder: ir.IRBuilder, first: Any, second: Any) -> Any:
    """Vectors of integers of 16 bits as words."""
    words = ir.VectorType(_I32, first.type.count)
    upper = builder.shl(builder.zext(second, words), _all(words, 16))
    return builder.or_(builder.zext(first, words), upper)


def _all(kind: ir.Type, value: int) -> ir.Constant:
    """The integer, in every lane of a vector."""
    return ir.Constant(kind, [value] * kind.count if isinstance(kind, ir.VectorType) else value)
