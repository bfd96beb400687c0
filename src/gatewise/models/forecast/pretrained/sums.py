"""Running sums over many series at once, so that any mean of the past costs two look-ups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ....tables.panel import Floats

Whole = NDArray[np.int64]
Singles = NDArray[np.float32]
Flags = NDArray[np.bool_]


def gather(table: Floats | Whole, index: Whole) -> Floats:
    """``table[b, index[b, ...]]`` for a table (B, T); NaN before the first entry."""
    flat = index.reshape(len(index), -1)
    found = np.take_along_axis(table, np.clip(flat, 0, table.shape[1] - 1), axis=1)
    return np.where(flat < 0, np.nan, found).reshape(index.shape)


def may_be(flags: Any) -> bool:
    """Whether a flag is set, or may be, as where a recording does not know them."""
    return bool(flags.any()) if isinstance(flags, np.ndarray | np.generic) else True


def carried(values: Floats, stride: int = 1) -> Floats:
    """Values (B, T) in which a missing one is the latest present one a multiple of ``stride`` before it."""
    if not may_be(np.isnan(values)):
        return values
    rows = _folded(values, stride, np.nan)
    place = np.maximum.accumulate(np.where(np.isnan(rows), 0, np.arange(rows.shape[1])[:, None]), axis=1)
    return _flat(np.take_along_axis(rows, place, axis=1), values.shape[1])


def later(found: Floats, shape: tuple[int, ...]) -> Floats:
    """What was found of the latest times of (B, T), and nothing of those before, in that shape."""
    return np.concatenate([np.full((shape[0], shape[1] - found.shape[1]), np.nan), found], axis=1)


@runtime_checkable
class Timed(Protocol):
    """Values that carry states through time by themselves, as those of `gatewise.export.recording`."""

    def over_time(self, advance: Any, start: Any) -> Any:
        """See the function."""
        ...


def over_time(
    advance: Callable[[Floats, Floats, Floats], tuple[Floats, Floats]], start: tuple[Floats, Floats], values: Floats
) -> tuple[Floats, Floats]:
    """Two states (F, B) after each column (...,) of the values (..., T), each (F, B, T)."""
    if isinstance(values, Timed):
        return values.over_time(advance, start)
    found = tuple(np.empty((*start[0].shape, values.shape[-1])) for _ in start)
    for time in range(values.shape[-1]):
        start = advance(*start, values[..., time])
        for each, state in zip(found, start, strict=True):
            each[:, :, time] = state
    return found[0], found[1]


class Sums:
    """Sums of values (B, T) over windows [start, end) or over every ``stride``-th of the past; NaN counts as absent."""

    def __init__(self, values: Floats, stride: int = 0) -> None:
        seen = ~np.isnan(values)
        self.stride = stride
        self.totals = self._running(np.where(seen, values, 0.0))
        self.counts = self._running(seen.astype(np.float64))

    def mean(self, start: Whole, end: Whole) -> Floats:
        """The mean over [start, end), NaN where nothing is there. With a stride: over start, start + stride, ..."""
        total, count = self._between(self.totals, start, end), self._between(self.counts, start, end)
        return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)

    def count(self, start: Whole, end: Whole) -> Floats:
        """How many are present in [start, end)."""
        return self._between(self.counts, start, end)

    def _between(self, table: Floats, start: Whole, end: Whole) -> Floats:
        shape = end.shape
        flat = [np.clip(one.reshape(len(one), -1), 0, table.shape[1] - 1) for one in np.broadcast_arrays(start, end)]
        low, high = (np.take_along_axis(table, one, axis=1) for one in flat)
        return (high - low).reshape(shape)

    def _running(self, values: Floats) -> Floats:
        """Sums of all before each time, (B, T + 1), or of every stride-th before it, (B, T + stride)."""
        batch, length = values.shape
        if not self.stride:
            return np.concatenate([np.zeros((batch, 1)), np.cumsum(values, axis=1)], axis=1)
        rows = np.cumsum(_folded(values, self.stride, 0.0), axis=1)
        return np.concatenate([np.zeros((batch, self.stride)), _flat(rows, length)], axis=1)


def _folded(values: Floats, stride: int, fill: float) -> Floats:
    batch, length = values.shape
    behind = np.full((batch, -length % stride), fill)
    return np.concatenate([values, behind], axis=1).reshape(batch, -1, stride)


def _flat(rows: Floats, length: int) -> Floats:
    return rows.reshape(len(rows), -1)[:, :length]
