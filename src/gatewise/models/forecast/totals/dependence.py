"""How the errors of a forecast at several steps hang together.

On the scale on which each is standard normal (a Gaussian copula), an error has a part that all steps share, and one of
an autoregression of order one that begins at the forecast. Where nothing is shared and nothing carried on, errors are
independent, as of white noise about a known mean; where all is carried on they add up, as of a random walk; a forecast
from one value of white noise shares a half. How much that is, is known only from windows of the past, and so every
value counts as much as these speak for it; where there are none all count alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ....tables.panel import Floats

CARRIES = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.0)
SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
"""How much of an error goes on at the next step, and how much of the variance all steps share."""
FURTHEST = 5.0
"""The largest score of an observation: what is rarer says no more."""
_LEAST = 1e-12


@dataclass(frozen=True)
class Dependence:
    """weights: how much each of `CARRIES` with each of `SHARES` counts, their sum 1. windows: learned from how many."""

    weights: Floats
    windows: int

    @classmethod
    def of(cls, errors: Floats, overlap: float) -> Self:
        """What windows of standard normal errors (N, H) speak for.

        Their spread is left open, so that intervals which are too wide or too narrow everywhere say nothing. overlap:
        in how many windows a step of the past lies, which count as one.
        """
        spoken = np.array([_likelihoods(errors, carry) for carry in CARRIES]) / max(overlap, 1.0)
        weights = np.exp(spoken - spoken.max())
        return cls(weights / weights.sum(), len(errors))

    def drawn(self, count: int) -> tuple[Floats, Floats]:
        """What is carried on and what is shared, for each of so many paths in the proportions of the weights."""
        at = np.searchsorted(np.cumsum(self.weights), (np.arange(count) + 0.5) / count)
        carry, share = np.unravel_index(np.minimum(at, self.weights.size - 1), self.weights.shape)
        return np.array(CARRIES)[carry], np.array(SHARES)[share]


def _likelihoods(errors: Floats, carry: float) -> list[float]:
    """The logarithm of the likelihood of windows (N, H), with the spread that suits them best, for each of `SHARES`.

    The inverse of the correlations is that of the autoregression and one more column (Sherman & Morrison 1950).
    """
    windows, horizon = errors.shape
    if not windows:
        return [0.0] * len(SHARES)
    spread = np.sqrt(np.cumsum(carry ** (2.0 * np.arange(horizon))))
    news, one = _news(errors * spread, carry), _news(spread, carry)
    squares, along, length = float((news**2).sum()), float(((news @ one) ** 2).sum()), float(one @ one)
    found: list[float] = []
    for share in SHARES:
        own = 1 - share
        square = (squares - share * along / (own + share * length)) / own
        size = horizon * np.log(own) - 2 * np.log(spread).sum() + np.log1p(share / own * length)
        found.append(-0.5 * windows * (size + horizon * np.log(max(square / errors.size, _LEAST))))
    return found


def _news(values: Floats, carry: float) -> Floats:
    """What each step (..., H) has beyond what was carried on."""
    news = values.copy()
    news[..., 1:] -= carry * values[..., :-1]
    return news


def standing(actual: Floats, quantiles: Floats, scores: Floats) -> Floats:
    """Where observations (N, H) stand among quantiles (N, H, Q), as standard normal scores.

    scores: those of the quantiles, (Q,). Between two of them, and beyond the outermost, the score is linear.
    """
    at = (quantiles[..., 1:-1] <= actual[..., None]).sum(axis=-1)
    low, high = (np.take_along_axis(quantiles, (at + more)[..., None], axis=-1)[..., 0] for more in (0, 1))
    beyond = 0.5 + np.copysign(np.where(actual == low, 0.0, np.inf), actual - low)
    share = np.divide(actual - low, high - low, out=beyond, where=high > low)
    return np.clip(scores[at] + share * np.diff(scores)[at], -FURTHEST, FURTHEST)
