"""Counts: demand that is rare, and counts that are not."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, Frame
from ..parts.scale import exponential
from ..parts.seasons import seasonal
from ..parts.trends import TRENDS
from .family import Family


def _rate(frame: Frame, low: float, high: float) -> Floats:
    """A mean with a trend and seasons, both small for most rows."""
    trend = frame.any_of(TRENDS) * frame.choice([0, 0.5, 1.5], [5, 3, 2])
    waves = seasonal(frame, frame.season) * frame.choice([0, 0.3, 0.8], [4, 4, 2])
    longer = seasonal(frame, frame.second_season) * frame.choice([0, 0.3], [6, 4])
    return exponential(np.clip(trend + waves + longer, -4, 4)) * frame.log_column(low, high)


def _negative_binomial(frame: Frame, mean: Floats) -> Floats:
    """Poisson numbers whose mean varies by a gamma number; without that for a third of the rows."""
    shape = frame.log_column(0.3, 30)
    varied = mean * frame.rng.gamma(np.broadcast_to(shape, frame.shape)) / shape
    return frame.rng.poisson(np.where(frame.chosen(0.35), mean, varied)).astype(np.float64)


def _frequent(frame: Frame) -> Floats:
    return _negative_binomial(frame, _rate(frame, 1, 300))


def _rare(frame: Frame) -> Floats:
    """Zeros, with counts at times that come alone or in runs."""
    often = frame.log_column(0.03, 0.7)
    alone = frame.rng.random(frame.shape) < often
    runs = frame.log_column(1, 12)
    level = np.repeat(frame.rng.random((frame.rows, frame.length // 4 + 1)), 4, axis=1)[:, : frame.length]
    together = (level < often) & (frame.rng.random(frame.shape) < np.minimum(runs / 4, 0.9))
    busy = np.where(frame.chosen(0.6), alone, together)
    sizes = 1 + _negative_binomial(frame, _rate(frame, 0.3, 20))
    packed = np.where(frame.chosen(0.15), frame.choice([6, 10, 12, 24], [1, 1, 1, 1]), 1.0)
    return busy * sizes * packed


RARE = Family(
    "rare demand",
    5.0,
    "zeros, and counts at times, alone or in runs",
    "Croston 1972; Syntetos & Boylan 2005; zero-inflated as Lambert 1992",
    _rare,
    anchored=True,
)
FREQUENT = Family(
    "counts", 3.0, "negative binomial counts with a trend and seasons", "Snyder et al. 2012", _frequent, anchored=True
)
