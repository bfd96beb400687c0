"""The transcendental functions of the CPU kernels, on vectors of float32 or float64. Reviewed here, used everywhere.

All are built on one polynomial: ``expm1(r)`` for ``|r| <= ln 2 / 2``, its Taylor series up to the term that no longer
changes the last digit, after the usual reduction ``x = n ln 2 + r``. ULPs are the worst over every float32, see
``python -m benchmarks ulp``. Brief ones, for kernels that round their results to bfloat16, are those of the option
``--brief``: they leave out what makes up for rounding, which is half of the instructions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce, wraps
from typing import Any

from llvmlite import ir

from .llvm_pairs import DOTS

I16, I32, I64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)


@dataclass(frozen=True)
class Format:
    """What the polynomial needs to know of a float format.

    fraction: stored bits of the significand. terms: degree of the polynomial. ln2_high: ln 2 with so few bits that
    its product with n is exact. small, large: where exp leaves the range. flat: where tanh is 1 to the last digit.
    shift: added to the power of two of a subnormal number, gives a normal one.
    """

    scalar: ir.Type
    integer: ir.IntType
    bytes: int
    fraction: int
    terms: int
    ln2_high: float
    small: float
    large: float
    flat: float
    shift: int

    @property
    def bias(self) -> int:
        """What is added to the exponent."""
        return (1 << (8 * self.bytes - self.fraction - 2)) - 1


FLOAT32 = Format(ir.FloatType(), I32, 4, 23, 7, float.fromhex("0x1.62ep-1"), -105.0, 90.0, 10.0, 64)
FLOAT64 = Format(ir.DoubleType(), I64, 8, 52, 13, float.fromhex("0x1.62e42fefap-1"), -747.0, 711.0, 22.0, 128)


class _Splat(ir.Constant):
    """One number in every lane, written once."""

    def __init__(self, kind: ir.VectorType, number: float) -> None:
        super().__init__(kind, None)
        self.number = ir.Constant(kind.element, number)

    def get_reference(self) -> str:
        """How operands name it."""
        return f"splat ({self.number})"


def _function(formula: Callable[[Lanes, Any], Any]) -> Callable[[Lanes, Any], Any]:
    """Emit the formula once in a module, as a function that LLVM inlines, and a call wherever it is used."""

    @wraps(formula)
    def call(self: Lanes, x: Any) -> Any:
        module: ir.Module = self.builder.module
        function = module.globals.get(formula.__name__)
        if function is None:
            function = ir.Function(module, ir.FunctionType(self.vector, [self.vector]), formula.__name__)
            function.linkage = "internal"
            function.attributes.add("alwaysinline")
            function.args[0].name = "x"
            inner = replace(self, builder=ir.IRBuilder(function.append_basic_block("entry")))
            inner.builder.ret(formula(inner, function.args[0]))
        return self.builder.call(function, (x,))

    return call


@dataclass(frozen=True)
class Lanes:
    """Writes arithmetic on vectors of ``count`` numbers of one format.

    wide: for a processor with AVX-512. pairs: which of :data:`.llvm_pairs.DOTS` takes products, whose factors then are
    pairs of bfloat16; empty where they are numbers. brief: exp, sigmoid and tanh may be a few ULP off; for float32.
    """

    builder: ir.IRBuilder
    format: Format
    count: int
    wide: bool = False
    pairs: str = ""
    brief: bool = False

    @cached_property
    def vector(self) -> ir.VectorType:
        """The vector type."""
        return ir.VectorType(self.format.scalar, self.count)

    @cached_property
    def integers(self) -> ir.VectorType:
        """The vector of integers of the same width."""
        return ir.VectorType(self.format.integer, self.count)

    def constant(self, value: float) -> ir.Constant:
        """The number in every lane."""
        return _Splat(self.vector, value)

    def integer(self, value: int) -> ir.Constant:
        """The integer in every lane."""
        return _Splat(self.integers, value)

    def same(self, x: Any) -> Any:
        """x, as it is."""
        return x

    def splat(self, scalar: Any) -> Any:
        """The scalar in every lane."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, I32(0))
        mask = ir.Constant(ir.VectorType(I32, self.count), [0] * self.count)
        return self.builder.shuffle_vector(first, undefined, mask)

    def intrinsic(self, name: str, *arguments: Any) -> Any:
        """An LLVM intrinsic from and to vectors of this type."""
        return self._call(f"llvm.{name}.v{self.count}f{8 * self.format.bytes}", *arguments)

    def _call(self, name: str, *arguments: Any) -> Any:
        module: ir.Module = self.builder.module
        function = module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(self.vector, [argument.type for argument in arguments])
            function = ir.Function(module, kind, name)
        return self.builder.call(function, arguments)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """a * b + c, rounded once."""
        return self.intrinsic("fma", a, b, c)

    def add_product(self, a: Any, b: Any, c: Any) -> Any:
        """c and the product of a and b, or of each pair in them."""
        return DOTS[self.pairs](self.builder, a, b, c) if self.pairs else self.fma(a, b, c)

    def less(self, a: Any, b: Any) -> Any:
        """a < b; false for NaN."""
        return self.builder.fcmp_ordered("<", a, b)

    def at_most_equal(self, a: Any, b: Any) -> Any:
        """a <= b; false for NaN."""
        return self.builder.fcmp_ordered("<=", a, b)

    def equal(self, a: Any, b: Any) -> Any:
        """a == b; false for NaN."""
        return self.builder.fcmp_ordered("==", a, b)

    def at_least(self, x: Any, bound: float) -> Any:
        """max(x, bound), with NaN kept."""
        limit = self.constant(bound)
        return self.builder.select(self.less(x, limit), limit, x)

    def at_most(self, x: Any, bound: float) -> Any:
        """min(x, bound), with NaN kept."""
        limit = self.constant(bound)
        return self.builder.select(self.less(limit, x), limit, x)

    def maximum(self, a: Any, b: Any) -> Any:
        """The larger; NaN where either is NaN."""
        return self.intrinsic("maximum", a, b)

    def larger_number(self, a: Any, b: Any) -> Any:
        """The same of two single numbers."""
        module, name = self.builder.module, f"llvm.maximum.f{8 * self.format.bytes}"
        kind = ir.FunctionType(self.format.scalar, [self.format.scalar] * 2)
        return self.builder.call(module.globals.get(name) or ir.Function(module, kind, name), (a, b))

    def minimum(self, a: Any, b: Any) -> Any:
        """The smaller; NaN where either is NaN."""
        return self.intrinsic("minimum", a, b)

    def relu(self, x: Any) -> Any:
        """max(x, 0); NaN stays."""
        return self.maximum(x, self.constant(0.0))

    def abs(self, x: Any) -> Any:
        """The absolute value."""
        return self.intrinsic("fabs", x)

    def sqrt(self, x: Any) -> Any:
        """The square root, correctly rounded."""
        return self.intrinsic("sqrt", x)

    def log(self, x: Any) -> Any:
        """The natural logarithm."""
        return self.intrinsic("log", x)

    def sin(self, x: Any) -> Any:
        """The sine, by the processor's mathematical library."""
        return self.intrinsic("sin", x)

    def cos(self, x: Any) -> Any:
        """The cosine, likewise."""
        return self.intrinsic("cos", x)

    def floor(self, x: Any) -> Any:
        """The largest whole number that is not above."""
        return self.intrinsic("floor", x)

    @_function
    def exp(self, x: Any) -> Any:
        """e to the power of x, over the whole range, subnormal results among them: 0.84 ULP, brief 2.0."""
        bounded = self.at_most(self.at_least(x, self.format.small), self.format.large)
        if self.brief:
            return self._brief_exp(bounded)
        power, rest = self._reduced(bounded)
        one, (grown, grown_rest) = self.constant(1.0), self._expm1(rest)
        begun = self.builder.fadd(one, grown)
        late = self.builder.fsub(grown, self.builder.fsub(begun, one))
        return self._scaled(self.builder.fadd(begun, self.builder.fadd(late, grown_rest)), power)

    @_function
    def sigmoid(self, x: Any) -> Any:
        """1 / (1 + exp(-x)), as 1 / (1 + E) or E / (1 + E) with E = exp(-|x|), so that nothing overflows.

        What rounding took from E and from the quotient is made up for by one Newton step: 0.94 ULP.
        Brief: 3.4 ULP, and 0 where the result would be subnormal.
        """
        if self.brief:
            return self._brief_sigmoid(x)
        builder, one = self.builder, self.constant(1.0)
        magnitude = self.at_least(builder.fneg(self.abs(x)), self.format.small)
        power, rest = self._reduced(magnitude)
        grown, grown_rest = self._expm1(rest)
        e = builder.fadd(one, grown)
        e_rest = builder.fadd(builder.fsub(grown, builder.fsub(e, one)), grown_rest)
        # 2^n may be too small for a normal number, 2^(n + shift) is not
        shifted = self._power_of_two(builder.add(power, self.integer(self.format.shift)))
        scale = builder.fmul(shifted, self.constant(2.0**-self.format.shift))
        e = builder.fmul(e, scale)
        negative = builder.fcmp_ordered("<", x, self.constant(0.0))
        over = builder.select(negative, e, one)
        over_rest = builder.select(negative, builder.fmul(e_rest, scale), self.constant(0.0))
        below = builder.fadd(one, e)
        return self._quotient(over, over_rest, below, builder.fadd(builder.fsub(one, below), e))

    @_function
    def tanh(self, x: Any) -> Any:
        """-m / (2 + m) with the sign of x, where m = expm1(-2 |x|), kept in two parts; one Newton step: 0.95 ULP.

        Brief: 2.5 ULP.
        """
        if self.brief:
            return self._brief_tanh(x)
        builder, one = self.builder, self.constant(1.0)
        magnitude = self.at_least(builder.fmul(self.abs(x), self.constant(-2.0)), -2.0 * self.format.flat)
        power, rest = self._reduced(magnitude)
        (grown, grown_rest), scale = self._expm1(rest), self._power_of_two(power)
        less = builder.fsub(scale, one)
        less_rest = builder.fsub(scale, builder.fadd(less, one))
        m = self.fma(scale, grown, less)
        m_rest = builder.fadd(self.fma(scale, grown, builder.fsub(less, m)), self.fma(scale, grown_rest, less_rest))
        two = self.constant(2.0)
        below = builder.fadd(two, m)
        below_rest = builder.fadd(builder.fadd(builder.fsub(two, below), m), m_rest)
        return self.intrinsic("copysign", self._quotient(m, m_rest, below, below_rest), x)

    @_function
    def log_sigmoid(self, x: Any) -> Any:
        """min(x, 0) - log1p(exp(-|x|)), with log1p(e) = log(1 + e) e / ((1 + e) - 1) (Kahan)."""
        small = self.exp(self.builder.fneg(self.abs(x)))
        sum_ = self.builder.fadd(self.constant(1.0), small)
        rounded = self.builder.fsub(sum_, self.constant(1.0))
        lost = self.builder.fcmp_ordered("==", rounded, self.constant(0.0))
        divisor = self.builder.select(lost, self.constant(1.0), rounded)
        corrected = self.builder.fmul(self.log(sum_), self.builder.fdiv(small, divisor))
        return self.builder.fsub(self.minimum(x, self.constant(0.0)), self.builder.select(lost, small, corrected))

    def _brief_exp(self, x: Any) -> Any:
        if not self.wide:
            power, rest = self._reduced(x)
            return self._scaled(self._brief_power(rest), power)
        n, _ = self._whole(x, _LN2)
        significand = self._brief_power(self._rest(n, x))
        rounding = I32(4)  # the current one
        return self._call("llvm.x86.avx512.mask.scalef.ps.512", significand, n, significand, I16(-1), rounding)

    def _brief_sigmoid(self, x: Any) -> Any:
        """1 / (1 + 2^n exp(r)), where -x = n ln 2 + r; what the large exponentials of x below the bound give is not
        used."""
        bound = (self.format.bias - 1) * _LN2  # 2^n and its inverse are normal up to here
        opposite, one = self.builder.fneg(self.at_most(x, bound)), self.constant(1.0)
        n, scale = self._whole(opposite, _LN2)
        below = self.fma(scale, self._brief_power(self._rest(n, opposite)), one)
        far = self.less(x, self.constant(-bound))
        return self.builder.select(far, self.constant(0.0), self._brief_quotient(one, below))

    def _brief_tanh(self, x: Any) -> Any:
        """(b T - a) / (b - a T), where 2 x = n ln 2 + 2 s, T = tanh(s), a = 1 - 2^n, b = 1 + 2^n; so is -0 kept."""
        builder, one = self.builder, self.constant(1.0)
        bounded = self.at_most(self.at_least(x, -self.format.flat), self.format.flat)
        n, scale = self._whole(bounded, _LN2 / 2)
        small = self._brief_small_tanh(self.fma(n, self.constant(-_LN2 / 2), bounded))
        minus_a, b = builder.fneg(builder.fsub(one, scale)), builder.fadd(one, scale)
        return self._brief_quotient(self.fma(b, small, minus_a), self.fma(minus_a, small, b))

    def _brief_small_tanh(self, s: Any) -> Any:
        """tanh(s) for |s| <= ln 2 / 4, by its Taylor series; a product at the end, so that -0 stays."""
        return self.builder.fmul(s, self._polynomial(self.builder.fmul(s, s), _SMALL_TANH))

    def _brief_power(self, r: Any) -> Any:
        """exp(r) for |r| <= ln 2 / 2."""
        return self._polynomial(r, _POWER)

    def _polynomial(self, x: Any, coefficients: Sequence[float]) -> Any:
        """By Horner's rule; the coefficient of the highest power first."""
        highest, *others = (self.constant(coefficient) for coefficient in coefficients)
        return reduce(lambda total, coefficient: self.fma(total, x, coefficient), others, highest)

    def _brief_quotient(self, over: Any, below: Any) -> Any:
        """over / below: a division, or a first guess and one Newton step, with signs by which -0 stays."""
        if not self.wide:
            return self.builder.fdiv(over, below)
        inverse = self._nearly_inverse(below)
        guess = self.builder.fmul(over, inverse)
        excess = self.fma(guess, below, self.builder.fneg(over))
        return self.fma(self.builder.fneg(excess), inverse, guess)

    def _whole(self, x: Any, unit: float) -> tuple[Any, Any]:
        """n, the whole number next to x / unit, and 2^n where that is normal.

        Adding 1.5 * 2^fraction leaves n, rounded, in the low bits, and with the bias it is the exponent of 2^n.
        """
        magic = self.constant(1.5 * 2.0**self.format.fraction + self.format.bias)
        shifted = self.fma(x, self.constant(1.0 / unit), magic)
        bits = self.builder.shl(self.builder.bitcast(shifted, self.integers), self.integer(self.format.fraction))
        return self.builder.fsub(shifted, magic), self.builder.bitcast(bits, self.vector)

    def _quotient(self, over: Any, over_rest: Any, below: Any, below_rest: Any) -> Any:
        """(over + over_rest) / (below + below_rest): a first guess, and one Newton step from what it leaves."""
        inverse = self._nearly_inverse(below)
        guess = self.builder.fmul(over, inverse)
        minus = self.builder.fneg(guess)
        left = self.fma(minus, below_rest, self.fma(minus, below, over))
        return self.fma(self.builder.fadd(left, over_rest), inverse, guess)

    def _nearly_inverse(self, x: Any) -> Any:
        """1 / x to 14 bits or better, which a Newton step makes 28; AVX-512 has an instruction for it."""
        if self.format.bytes != 4 or not self.wide:
            return self.builder.fdiv(self.constant(1.0), x)
        return self._call("llvm.x86.avx512.rcp14.ps.512", x, x, I16(-1))

    def _reduced(self, x: Any) -> tuple[Any, Any]:
        """n as integers and r, where x = n ln 2 + r. Adding 1.5 * 2^fraction leaves n, rounded, in the low bits."""
        builder, magic = self.builder, self.constant(1.5 * 2.0**self.format.fraction)
        shifted = self.fma(x, self.constant(1.0 / math.log(2.0)), magic)
        n = builder.fsub(shifted, magic)
        power = builder.sub(builder.bitcast(shifted, self.integers), builder.bitcast(magic, self.integers))
        return power, self._rest(n, x)

    def _rest(self, n: Any, x: Any) -> Any:
        """x - n ln 2."""
        high = self.format.ln2_high
        rest = self.fma(n, self.constant(-high), x)
        return self.fma(n, self.constant(-(_LN2 - high) - _LN2_REST), rest)

    def _expm1(self, r: Any) -> tuple[Any, Any]:
        """r + r^2 (1/2 + r/6 + ...), and what rounding took from the sum."""
        total: Any = self.constant(1.0 / math.factorial(self.format.terms))
        for degree in range(self.format.terms - 1, 1, -1):
            total = self.fma(total, r, self.constant(1.0 / math.factorial(degree)))
        curve = self.builder.fmul(self.builder.fmul(r, r), total)
        grown = self.builder.fadd(r, curve)
        return grown, self.builder.fadd(self.builder.fsub(r, grown), curve)

    def _scaled(self, significand: Any, power: Any) -> Any:
        """significand * 2^power, by two factors, since one may be too large or too small for a number."""
        half = self.builder.ashr(power, self.integer(1))
        scaled = self.builder.fmul(significand, self._power_of_two(half))
        return self.builder.fmul(scaled, self._power_of_two(self.builder.sub(power, half)))

    def _power_of_two(self, n: Any) -> Any:
        exponent = self.builder.add(n, self.integer(self.format.bias))
        bits = self.builder.shl(exponent, self.integer(self.format.fraction))
        return self.builder.bitcast(bits, self.vector)


_LN2 = math.log(2.0)
_LN2_REST = 2.319046813846299e-17  # ln 2 less its nearest double

_SMALL_TANH = (-17 / 315, 2 / 15, -1 / 3, 1.0)  # tanh(s) / s, in s^2
# exp(r) for |r| <= ln 2 / 2 to 9.2e-8: of all polynomials that are 1 at 0, the one with the least worst relative error,
# by least squares on a grid whose weights are multiplied by the error until it is the same at every peak (Lawson).
_POWER = (0.00829031, 0.04189793, 0.16667636, 0.4999915, 0.99999971, 1.0)
