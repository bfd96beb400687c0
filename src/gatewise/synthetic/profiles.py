"""Which lengths and seasons occur together, and how often: what monthly, hourly and other tables look like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .batch import Integers


@dataclass(frozen=True)
class Profile:
    """Series of one kind of calendar.

    Attributes:
        name: What the calendar is.
        length: Steps of a batch, T: the longest history that is drawn, together with what is to be forecast.
        weight: How often it is drawn, relative to the others.
        seasons: Pairs of a season and a second one, with the weight of each.
        shortest: The fewest steps that a series keeps when its beginning is cut off.
    """

    name: str
    length: int
    weight: float
    seasons: dict[tuple[int, int], float]
    shortest: int

    def draw(self, rng: np.random.Generator, rows: int) -> tuple[Integers, Integers]:
        """The seasons of some series, each of shape (rows,)."""
        weights = np.array(list(self.seasons.values()))
        pairs = np.array(list(self.seasons), np.int64)
        drawn = pairs[rng.choice(len(pairs), size=rows, p=weights / weights.sum())]
        return drawn[:, 0], drawn[:, 1]


PROFILES = (
    Profile("yearly", 64, 2.0, {(1, 1): 1.0}, 10),
    Profile("quarterly", 96, 2.0, {(4, 1): 6.0, (1, 1): 0.5, (2, 1): 0.5}, 16),
    Profile("monthly", 192, 3.5, {(12, 1): 8.0, (1, 1): 0.5, (6, 1): 0.5, (3, 1): 0.3, (13, 1): 0.5, (4, 1): 0.5}, 24),
    Profile("long monthly", 480, 1.0, {(12, 1): 8.0, (4, 1): 2.0, (1, 1): 1.0, (12, 132): 0.3}, 120),
    Profile("weekly", 416, 1.5, {(52, 1): 6.0, (1, 1): 2.0, (4, 52): 0.5, (13, 52): 0.5, (26, 52): 0.3}, 60),
    Profile("daily", 512, 2.5, {(7, 1): 7.0, (1, 1): 1.0, (5, 1): 1.5, (7, 30): 0.5, (6, 1): 0.3, (30, 1): 0.5}, 40),
    Profile("years of days", 1280, 1.0, {(7, 365): 6.0, (365, 1): 2.0, (7, 1): 1.0, (5, 260): 1.0, (366, 1): 0.2}, 400),
    Profile("hourly", 1024, 2.5, {(24, 168): 8.0, (24, 1): 2.0, (168, 1): 0.3, (12, 84): 0.3, (8, 56): 0.3}, 72),
    Profile("half-hourly", 1536, 1.0, {(48, 336): 8.0, (48, 1): 2.0, (336, 1): 0.3}, 144),
    Profile("minutes", 2048, 1.0, {(96, 672): 5.0, (96, 1): 2.0, (144, 1008): 2.0, (288, 1): 2.0, (60, 1): 1.0}, 192),
    Profile("other", 384, 1.0, {(1, 1): 2.0, (10, 1): 1.0, (20, 1): 1.0, (100, 1): 0.5, (9, 1): 0.5, (15, 1): 0.5}, 40),
    Profile("waves", 768, 1.0, {(season, 1): 1 / season for season in range(2, 401)}, 100),
)
