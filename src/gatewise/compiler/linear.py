"""How operations pass signals on when everything else is held: the rules by which a result is split over what made it.

A rule is called as ``rule(signals, result, *arguments)``. A signal is what an argument stands for in a split, None
where the argument is context. What the rule gives is linear in the signals, and equal to the result, less what the
function is at zero, where each signal is its argument itself. So credit passes exactly, without a remainder.
Selections pass the signal of what they select, curves pass along their secant from zero: Arras et al., Explaining and
Interpreting LSTMs, arXiv:1909.12114, section 3.2, signal-take-all for products, with the secant in place of the
identity for tanh.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import torch

from ..equation import Operand, Value

Signals: TypeAlias = "tuple[Any, ...]"  # an Operand for each argument, or None
Rule: TypeAlias = Callable[..., Operand]

# Below it a secant is taken for the slope at zero: squared it is lost beside 1 even in float64.
_FLAT = 1e-12


def plus(a: Operand, b: Operand) -> Operand:
    """The sum; nothing added leaves no trace."""
    return b if _is(a, 0.0) else a if _is(b, 0.0) else a + b


def minus(a: Operand) -> Operand:
    """The opposite."""
    return -a


def times(a: Operand, b: Operand) -> Operand:
    """The product; factors of nothing and one leave no trace."""
    if _is(a, 0.0) or _is(b, 1.0):
        return a
    return b if _is(a, 1.0) or _is(b, 0.0) else a * b


def over(a: Operand, b: Operand) -> Operand:
    """The quotient of nothing is nothing."""
    return a if _is(a, 0.0) else a / b


def scaled(s: Signals, y: Operand, a: Operand, b: Operand) -> Operand:
    """Of a product one factor is context."""
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
