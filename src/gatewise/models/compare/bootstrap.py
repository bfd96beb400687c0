"""How far scores would move with other test items and other seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from .measure import Floats

DRAWS = 5_000
LEVEL = 95
_AT_ONCE = 1 << 22  # counts of items that are held together


class Interval(NamedTuple):
    """The central ``LEVEL`` percent of a figure over all draws."""

    low: float
    high: float


def resampled(scores: Mapping[str, Floats], seed: int = 0, draws: int = DRAWS) -> dict[str, Floats]:
    """Scores with test items and seeds drawn again, with replacement; of each model (draws,).

    scores: of each model (S, N), for S seeds of its own and the N items that all share. A draw takes the same items of
    every model, which makes differences paired, and of every model its own seeds: those of two models have nothing to
    do with each other. A bootstrap of two crossed factors is on the safe side (Owen 2007, doi:10.1214/07-AOAS122).
    """
    generator = np.random.default_rng(seed)
    items = next(iter(scores.values())).shape[1]
    parts: dict[str, list[Floats]] = {name: [] for name in scores}
    for size in _batches(draws, items):
        counts = generator.multinomial(items, np.full(items, 1 / items), size=size).astype(np.float64)
        for name, table in scores.items():
            seeds = len(table)
            weights = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=size)
            parts[name].append((counts @ table.T * weights).sum(axis=1) / (items * seeds))
    return {name: np.concatenate(part) for name, part in parts.items()}


def interval(values: Floats) -> Interval:
    """Between the quantiles that leave the same share on both sides."""
    tail = (100 - LEVEL) / 2
    low, high = np.percentile(values, [tail, 100 - tail]).tolist()
    return Interval(low, high)


def _batches(draws: int, items: int) -> Iterator[int]:
    most = max(1, _AT_ONCE // items)
    while draws > 0:
        yield min(most, draws)
        draws -= most
