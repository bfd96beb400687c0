"""Values that were not observed."""

from __future__ import annotations

import numpy as np

from .batch import Flags, Floats, Frame


def _points(frame: Frame) -> Flags:
    """Single values, independently."""
    return frame.rng.random(frame.shape) < frame.log_column(0.005, 0.3)


def _runs(frame: Frame) -> Flags:
    """A few runs, a tenth of the series at most each."""
    missing = np.zeros(frame.shape, bool)
    longest = np.maximum(frame.length // 10, 1)
    for _ in range(3):
        start = frame.column(0, 1) * frame.length
        width = frame.log_column(1, longest + 1) * frame.chosen(0.7)
        missing |= (frame.steps >= start) & (frame.steps < start + width)
    return missing


def _regular(frame: Frame) -> Flags:
    """The same part of every season, as shops that close."""
    place = frame.steps / frame.season[:, None] % 1
    start = frame.column(0, 1)
    return ((place - start) % 1 < frame.column(0.02, 0.3)) & (frame.season[:, None] > 2)


def with_gaps(frame: Frame, values: Floats, chance: float) -> Floats:
    """NaN for what is missing, in rows taken with a chance."""
    kind = frame.rng.choice(3, size=frame.rows, p=[0.45, 0.45, 0.1])
    taken = frame.rng.random(frame.rows) < chance
    for place, make in enumerate((_points, _runs, _regular)):
        rows = np.flatnonzero(taken & (kind == place))
        if len(rows):
            values[rows] = np.where(make(frame.part(rows)), np.nan, values[rows])
    return values


def shortened(frame: Frame, values: Floats, shortest: int, chance: float) -> Floats:
    """NaN for the beginning of rows taken with a chance: what is kept has a length whose logarithm is uniform."""
    kept = frame.log_column(min(shortest, frame.length), frame.length)
    kept = np.where(frame.chosen(chance), kept, frame.length)
    return np.where(frame.steps < np.floor(frame.length - kept), np.nan, values)
