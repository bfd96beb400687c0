"""Batches of series as the network reads them, made in a process beside the training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset

from gatewise.models.forecast.pretrained.learning import Batch, batch_of, together
from gatewise.synthetic import PROFILES, Mixture, Profile

from .corpus import series

SEASONS = 4
"""Different seasons in a batch: each is read on its own."""
MOST_ROWS, FEWEST = 384, 8
"""Series in a batch, and observations in one of them."""
FLIPPED, ONE_SEASON, FARTHER = 0.2, 0.1, 0.15
"""The share of batches upside down, of those not told of a second season, and of those asked for farther steps."""
POINTS, PLACES = 49_152, 1000
"""Values in a batch, and places in its series after which the network forecasts, at most."""
RECORDED = 0.3
"""The share of measured series in batches of a calendar that some fit."""
AHEAD = 8
"""Batches made before they are asked for."""

HORIZONS = {1: 14, 4: 12, 5: 20, 7: 28, 12: 24, 52: 26}
"""The farthest step ahead by season; two seasons of others."""
LEAST, MOST = 12, 200


@dataclass(frozen=True)
class Few(Profile):
    """A profile whose batches have few different seasons."""

    def draw(self, rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
        season, second = super().draw(rng, SEASONS)
        drawn = rng.integers(SEASONS, size=rows)
        return season[drawn], second[drawn]


class Batches(Dataset[Batch]):
    """Batch ``number`` is a function of the mixture's seed and of that number."""

    def __init__(self, mixture: Mixture) -> None:
        self.mixture = mixture

    def __getitem__(self, number: int) -> Batch:
        drawn = self.mixture.batch(number)
        rng = np.random.default_rng([self.mixture.seed, number, 1])
        seen = np.flatnonzero((~np.isnan(drawn.values)).sum(axis=1) >= FEWEST)[:MOST_ROWS]
        values = drawn.values[seen] * (-1.0 if rng.random() < FLIPPED else 1.0)
        told = np.stack([drawn.season, drawn.second_season], axis=1)[seen]
        if rng.random() < ONE_SEASON:
            told[:, 1] = 1
        pairs, which = np.unique(told, axis=0, return_inverse=True)
        parts = [
            batch_of(values[which == place], int(season), int(second), horizon(int(season), rng), rng)
            for place, (season, second) in enumerate(pairs)
        ]
        return together(parts, PLACES, rng)


def horizon(season: int, rng: np.random.Generator) -> int:
    """How many steps ahead a batch is asked for."""
    most = HORIZONS.get(season, int(np.clip(2 * season, LEAST, MOST)))
    return 2 * most if rng.random() < FARTHER else int(rng.integers(max(4, most // 3), most + 1))


def mixture(seed: int) -> Mixture:
    """The series that the forecaster is trained on."""
    profiles = [Few(**vars(profile)) for profile in PROFILES]
    return Mixture(seed, points=POINTS, profiles=profiles, recorded=series("training"), share=RECORDED)


class Feed:
    """The batches one after the other, for `gatewise.training.Trainer`; its state is the number of the next."""

    endless = True
    epoch = 0

    def __init__(self, batches: Batches) -> None:
        self.batches, self.number = batches, 0
        self._made: Iterator[Batch] | None = None

    def next_batch(self) -> Batch:
        if self._made is None:
            order = range(self.number, 2**62)
            self._made = iter(
                DataLoader(self.batches, batch_size=None, sampler=order, num_workers=1, prefetch_factor=AHEAD)
            )
        self.number += 1
        return next(self._made)

    def state_dict(self) -> dict[str, Any]:
        return {"number": self.number}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.number, self._made = state["number"], None
