"""Paths through the intervals of a forecast, and their sums."""

from __future__ import annotations

import numpy as np

from ....tables.panel import Floats
from .dependence import Dependence

PATHS = 10_000
"""An even number: each has a mirror image. The bound of a 95 % interval is off by 2 % of a standard deviation."""
AT_ONCE = 100
"""Series whose paths are held at a time."""


def sums(quantiles: Floats, scores: Floats, dependence: Dependence, lowest: Floats, highest: float) -> Floats:
    """The sum of every path over the steps, (S, PATHS).

    quantiles: (S, H, Q), and scores the standard normal ones of their levels, (Q,). lowest: (S,), the least that a step
    may be, and highest the most. All series have the same random numbers, and none depends on its company.
    """
    found = [
        _sums(quantiles[at : at + AT_ONCE], scores, dependence, lowest[at : at + AT_ONCE, None], highest)
        for at in range(0, len(quantiles), AT_ONCE)
    ]
    return np.concatenate(found)


def _sums(quantiles: Floats, scores: Floats, dependence: Dependence, lowest: Floats, highest: float) -> Floats:
    rng, half = np.random.default_rng(0), PATHS // 2
    carry, share = dependence.drawn(half)
    common = np.sqrt(share) * rng.standard_normal(half)
    state, square = np.zeros(half), np.zeros(half)
    whole = np.zeros((len(quantiles), PATHS))
    for step in range(quantiles.shape[1]):
        state, square = carry * state + rng.standard_normal(half), 1 + carry**2 * square
        score = common + np.sqrt((1 - share) / square) * state
        whole += _values(quantiles[:, step], scores, np.concatenate((score, -score))).clip(lowest, highest)
    return whole


def _values(quantiles: Floats, scores: Floats, asked: Floats) -> Floats:
    """The values (S, N) at these scores (N,), linear between quantiles (S, Q) and beyond them."""
    at = np.searchsorted(scores[1:-1], asked, side="right")
    share = (asked - scores[at]) / np.diff(scores)[at]
    return quantiles[:, at] + share * np.diff(quantiles, axis=-1)[:, at]
