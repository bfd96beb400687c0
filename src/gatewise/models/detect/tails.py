"""How rare a number is among those before it."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence

WINDOW = 2000
"""Numbers that one is compared with, the latest."""
FEWEST = 40
"""Fewer say nothing."""


class Recent:
    """The latest numbers of one kind, in their order and by size.

    Args:
        past: Those before, the latest last; of more than `WINDOW` the latest count.
    """

    def __init__(self, past: Iterable[float] = ()) -> None:
        self.past = deque(past, WINDOW)
        self._ranked = sorted(self.past)

    @property
    def ranked(self) -> Sequence[float]:
        """The numbers, rising."""
        return self._ranked

    @property
    def tells(self) -> bool:
        """Whether there are enough to compare with."""
        return len(self._ranked) >= FEWEST

    @property
    def median(self) -> float:
        """The middle one, the larger of two; NaN where there are too few."""
        return self._ranked[len(self._ranked) // 2] if self.tells else math.nan

    def add(self, number: float) -> None:
        """Add a number, which takes the place of the oldest where there are `WINDOW` already; NaN is left out."""
        if math.isnan(number):
            return
        if len(self.past) == WINDOW:
            del self._ranked[bisect_left(self._ranked, self.past[0])]
        self.past.append(number)
        insort(self._ranked, number)


class Tail(Recent):
    """Numbers in which the next has its rank."""

    def surprise(self, number: float) -> float:
        """Add a number; minus the decimal logarithm of its tail probability among those before it, 0 or more.

        It is the conformal p-value (Vovk, Gammerman & Shafer 2005): (1 + how many were not smaller) / (1 + how many).
        Where there are too few to compare with it is 0; else that of NaN is NaN.
        """
        surprise = self._surprise(number) if self.tells else 0.0
        self.add(number)
        return surprise

    def _surprise(self, number: float) -> float:
        if math.isnan(number):
            return math.nan
        count = len(self._ranked)
        return -math.log10((1 + count - bisect_left(self._ranked, number)) / (1 + count))
