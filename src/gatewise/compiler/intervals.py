"""Between which numbers a value must lie, whatever the weights and the inputs are: the rules of the operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch


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
    """The rule of a quotient; what may be divided by zero may be anything, but for its sign."""
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
    """The rule of what changes no number, or takes a mean."""
    return a


def truth(a: Interval, b: Interval) -> Interval:
    """The rule of a comparison."""
    return Interval(0.0, 1.0)
