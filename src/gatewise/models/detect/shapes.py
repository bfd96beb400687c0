"""How far the latest values are from every stretch of the past of the same length: a matrix profile to the left.

Distances are taken of the values as they are, so that an unusual level is far away as an unusual shape is.

Source: Yeh et al. 2016, doi:10.1109/ICDM.2016.0179, the matrix profile; of the past only, Lu et al. 2022,
doi:10.1145/3534678.3539271. The sums of squares are built up by doubling, so that nothing is taken away from a sum
again, and no rounding of a large value stays behind.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from ...tables.panel import Floats

LENGTHS = (8, 32, 96)
"""Rows of the stretches that are compared."""
MEMORY = 4096
"""Rows of the past that a stretch is compared with at least; at most twice as many."""
_HALVES = {2: (1, 1), 4: (2, 2), 8: (4, 4), 16: (8, 8), 32: (16, 16), 64: (32, 32), 96: (32, 64)}
"""A stretch of so many rows is one of the first number and, before it, one of the second."""
_ENOUGH = 2 * max(_HALVES)
"""Rows in which all sums come together anew."""


class Shapes:
    """The past of one series, which is its whole state, and sums of squared distances to it.

    Args:
        past: What came before, (T,), T below twice `MEMORY`, NaN where nothing was observed.
    """

    def __init__(self, past: Floats) -> None:
        self._values = np.full(2 * MEMORY, np.nan)
        self._values[: len(past)] = past
        self._count = len(past)
        self._sums: dict[int, deque[Floats]] = {}

    @property
    def past(self) -> Floats:
        """What is remembered, the latest last."""
        return self._values[: self._count]

    def rest(self) -> None:
        """Keep the past alone: the sums, which take much more memory, come together anew with the next value."""
        self._sums = {}

    def nearest(self, value: float) -> Floats:
        """Add a value; the least mean squared distance to the past, for each of `LENGTHS`.

        NaN where the latest stretch, or all before it, is not wholly observed.
        """
        if not self._sums:
            self._come_together()
        self._add(value)
        least = np.array([self._least(length) for length in LENGTHS])
        if self._count == 2 * MEMORY:
            self._forget()
        return least

    def _add(self, value: float) -> None:
        self._values[self._count] = value
        self._count += 1
        self._sums[1].append((value - self.past) ** 2)
        for length, (late, early) in _HALVES.items():
            self._sums[length].append(self._joined(late, early))

    def _joined(self, late: int, early: int) -> Floats:
        """Sums, for a stretch of the past that ends at each row, over its latest part and the one before that."""
        joined = self._sums[late][-1].copy()
        before = self._sums[early]
        if len(before) > late:
            joined[:late] = np.nan
            joined[late:] += before[-1 - late]
        else:
            joined[:] = np.nan
        return joined

    def _least(self, length: int) -> float:
        """Over the stretches that end before the latest begins."""
        sums = self._sums[length][-1][: max(self._count - length, 0)]
        return float(np.fmin.reduce(sums, initial=np.nan)) / length

    def _forget(self) -> None:
        self._values[:MEMORY] = self._values[MEMORY:]
        self._count = MEMORY
        self._sums = {}

    def _come_together(self) -> None:
        """What the sums are is told by the past that is remembered, and not by how it was read."""
        self._sums = {length: deque(maxlen=1) for length in (1, *_HALVES)}
        self._sums |= {early: deque(maxlen=late + 1) for late, early in _HALVES.values()}
        end, self._count = self._count, max(self._count - _ENOUGH, 0)
        for value in self._values[self._count : end].copy():
            self._add(value)
