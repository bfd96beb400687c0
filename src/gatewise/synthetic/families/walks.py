"""Random walks, and processes that change between regimes."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, Frame
from .family import Family


def _walk(frame: Frame) -> Floats:
    """Sums of independent steps, normal or heavy-tailed, a third of them as logarithms, as prices are."""
    heavy = frame.rng.standard_t(3, frame.shape)
    steps = np.where(frame.chosen(0.4), heavy, frame.normal())
    drift = frame.choice([0.0, 1.0], [7, 3]) * 0.1 * frame.rng.standard_normal((frame.rows, 1))
    path = np.cumsum(steps + drift, axis=1)
    prices = np.exp(np.clip(path * frame.log_column(0.003, 0.08), -30, 30))
    return np.where(frame.chosen(0.35), prices, path)


def _ou(frame: Frame) -> Floats:
    """An Ornstein-Uhlenbeck process whose mean, pull and noise are those of one of three regimes at a time."""
    regimes = 3
    leave = frame.log_column(0.002, 0.1)
    starts = frame.rng.random(frame.shape) < leave
    visited = np.cumsum(starts, axis=1) * frame.rng.integers(1, regimes, (frame.rows, 1)) % regimes
    mean = np.take_along_axis(frame.rng.normal(size=(frame.rows, regimes)) * frame.log_column(0.3, 5), visited, 1)
    pull = np.take_along_axis(np.exp(frame.rng.uniform(-5, 0, (frame.rows, regimes))), visited, 1)
    noise = np.take_along_axis(np.exp(frame.rng.uniform(-3, 0.5, (frame.rows, regimes))), visited, 1)
    shock = (noise * frame.normal() + pull * mean).T.copy()
    keep = (1 - pull).T.copy()
    values = np.empty_like(shock)
    state = mean[:, 0]
    for step in range(frame.length):
        state = keep[step] * state + shock[step]
        values[step] = state
    return values.T


WALK = Family(
    "random walk",
    8.0,
    "sums of independent steps",
    "Bachelier 1900; the naive forecast cannot be beaten on them",
    _walk,
)
OU = Family(
    "regimes",
    4.0,
    "an Ornstein-Uhlenbeck process that changes between three regimes",
    "Uhlenbeck & Ornstein 1930; Hamilton 1989; TempoPFN (Moroshan et al. 2025)",
    _ou,
)
