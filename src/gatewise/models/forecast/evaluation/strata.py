"""A sample of many series in which every kind of them has its share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....tables.panel import Panel
from .intermittent import intermittent

BANDS = 4
"""Bands of lengths, each of as many series as the others where lengths allow it."""


def stratified(past: Panel, size: int, seed: int) -> NDArray[np.int64]:
    """The rows of a random sample of series, rising.

    Series are put in order by whether demand is intermittent, by their lengths, and by their scale, and every so many
    of them is taken, from a random place on: systematic sampling (Cochran 1977, Sampling Techniques, section 8). Each
    is as likely to be taken as any other, and of every kind there are as many as its share says, give or take one or
    two. All series of a panel are of one frequency.

    Args:
        past: The series, S of them, as far as may be looked at.
        size: How many are taken, up to S.
        seed: Of the draw.

    Returns:
        The positions, (size,).
    """
    draw, lengths = np.random.default_rng(seed), past.lengths
    edges = np.quantile(lengths, np.arange(1, BANDS) / BANDS, method="lower")
    band = np.searchsorted(edges, lengths, side="left")
    order = np.lexsort((draw.permutation(len(past)), _scale(past), band, np.array(intermittent(past))))
    places = (draw.random() + np.arange(size)) * len(past) / size
    return np.sort(order[places.astype(np.int64)])


def _scale(past: Panel) -> NDArray[np.float64]:
    """The mean size of the observations of each series, (S,)."""
    values, made = np.concatenate(past.values), np.concatenate(past.made)
    starts = np.cumsum([0, *past.lengths[:-1].tolist()])
    sums = np.add.reduceat(np.where(made, 0.0, np.abs(values)), starts)
    return sums / np.maximum(np.add.reduceat(~made, starts, dtype=np.int64), 1)
