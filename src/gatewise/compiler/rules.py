"""Rules of operations: the interval of a result, and how a result is split over its arguments.

A rule of the second kind is called as ``rule(signals, result, *arguments)``. A signal is an argument's part in a split,
None where the argument is context. The value of the rule is linear in the signals and, where each signal is its
argument, equals the result minus the function's value at zero. So credit passes exactly, without a remainder.
Selections pass the signal of what they select, curves pass along their secant from zero: Arras et al., Explaining and
Interpreting LSTMs, arXiv:1909.12114, section 3.2, signal-take-all for products, with the secant in place of the
identity for tanh.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import torch

from ..equation import Operand, Value


class Interval(NamedTuple):
    """All numbers from ``low`` to ``high``; by default every number."""

    low: float = -math.inf
    high: float = math.inf

    @property
    def nonnegative(self) -> bool:
        """Whether no number below zero is in it."""
        return self.low >= 0.0


EVERY = Interval()
Bounds = Callable[..., Interval]


def rising(function: Callable[[torch.Tensor], torch.Tensor], least: float = -math.inf) -> Bounds:
    """The rule of a function that never falls. least: where its domain begins."""

    def bounds(a: Interval) -> Interval:
        ends = torch.tensor([max(a.low, least), max(a.high, least)], dtype=torch.float64)
        low, high = function(ends).tolist()
        return Interval(low, high)

    return bounds


def added(a: Interval, b: Interval) -> Interval:
    """The rule of a sum."""
    return Interval(a.low + b.low, a.high + b.high)


def opposite(a: Interval) -> Interval:
    """The rule of a sign."""
    return Interval(-a.high, -a.low)


def multiplied(a: Interval, b: Interval) -> Interval:
    """The rule of a product."""
    corners = [x * y if x and y else 0.0 for x in a for y in b]
    return Interval(min(corners), max(corners))


def divided(a: Interval, b: Interval) -> Interval:
    """The rule of a quotient; where the divisor may be zero, any number of the possible signs."""
    if b.high <= 0.0:
        return opposite(divided(a, opposite(b)))
    if not b.nonnegative:
        return EVERY
    return multiplied(a, Interval(1.0 / b.high, 1.0 / b.low if b.low else math.inf))


def larger(a: Interval, b: Interval) -> Interval:
    """The rule of a maximum."""
    return Interval(max(a.low, b.low), max(a.high, b.high))


def smaller(a: Interval, b: Interval) -> Interval:
    """The rule of a minimum."""
    return Interval(min(a.low, b.low), min(a.high, b.high))


def either(condition: Any, a: Interval, b: Interval) -> Interval:
    """The rule of a choice."""
    return Interval(min(a.low, b.low), max(a.high, b.high))


def size(a: Interval) -> Interval:
    """The rule of an absolute value."""
    low = 0.0 if a.low <= 0.0 <= a.high else min(abs(a.low), abs(a.high))
    return Interval(low, max(abs(a.low), abs(a.high)))


def same(a: Interval) -> Interval:
    """The rule of the identity and of means."""
    return a


def total(a: Interval) -> Interval:
    """The rule of a sum over units."""
    return Interval(0.0 if a.nonnegative else -math.inf, 0.0 if a.high <= 0.0 else math.inf)


def wave(a: Interval) -> Interval:
    """The rule of a sine."""
    return Interval(-1.0, 1.0)


def truth(a: Interval, b: Interval) -> Interval:
    """The rule of a comparison."""
    return Interval(0.0, 1.0)


Signals: TypeAlias = "tuple[Any, ...]"  # an Operand for each argument, or None
Rule: TypeAlias = Callable[..., Operand]

# Below it the slope at zero replaces the secant: its square vanishes beside 1 even in float64.
_FLAT = 1e-12


def plus(a: Operand, b: Operand) -> Operand:
    """a + b, without a term that is 0."""
    return b if _is(a, 0.0) else a if _is(b, 0.0) else a + b


def minus(a: Operand) -> Operand:
    """-a."""
    return -a


def times(a: Operand, b: Operand) -> Operand:
    """a * b, without a factor that is 1; 0 where one is 0."""
    if _is(a, 0.0) or _is(b, 1.0):
        return a
    return b if _is(a, 1.0) or _is(b, 0.0) else a * b


def over(a: Operand, b: Operand) -> Operand:
    """a / b; 0 where a is 0."""
    return a if _is(a, 0.0) else a / b


def scaled(s: Signals, y: Operand, a: Operand, b: Operand) -> Operand:
    """The rule of a product, of which one factor is context."""
    return times(a, s[1]) if s[0] is None else times(s[0], b)


def choice(condition: Operand, a: Operand, b: Operand) -> Operand:
    """``a`` where the condition holds, else ``b``."""
    return a if not isinstance(a, Value) and a is b else Value("where", condition, a, b)


def through(name: str) -> Rule:
    """The rule of a function that is linear itself."""
    return lambda s, *_: s[0] if _is(s[0], 0.0) else Value(name, s[0])


def curve(function: Callable[[torch.Tensor], torch.Tensor]) -> Rule:
    """The rule of a curve: along its secant from zero, and at zero along its slope, 0 where that is infinite."""

    @cache
    def at_zero() -> tuple[float, float]:
        with torch.inference_mode(False), torch.enable_grad():
            zero = torch.zeros((), dtype=torch.float64, requires_grad=True)
            start = function(zero)
            slope = float(torch.autograd.grad(start, zero)[0])
        return start.item(), slope if math.isfinite(slope) else 0.0

    def rule(s: Signals, y: Value, a: Value) -> Operand:
        start, slope = at_zero()
        flat = Value("abs", a) < _FLAT
        rise = y - start if start else y
        secant = choice(flat, slope, rise / choice(flat, 1.0, a))
        return times(s[0], secant)

    return rule


def _is(a: Operand, number: float) -> bool:
    return not isinstance(a, Value) and a == number
