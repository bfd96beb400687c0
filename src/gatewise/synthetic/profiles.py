"""Which lengths and seasons occur together, and how often: what monthly, hourly and other tables look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
        families: How many times as often as elsewhere a family occurs, by its name.
    """

    name: str
    length: int
    weight: float
    seasons: dict[tuple[int, int], float]
    shortest: int
    families: Mapping[str, float] = field(default_factory=dict)

    def draw(self, rng: np.random.Generator, rows: int) -> tuple[Integers, Integers]:
        """The seasons of some series, each of shape (rows,)."""
        weights = np.array(list(self.seasons.values()))
        pairs = np.array(list(self.seasons), np.int64)
        drawn = pairs[rng.choice(len(pairs), size=rows, p=weights / weights.sum())]
        return drawn[:, 0], drawn[:, 1]


# How much more often, or less, a family occurs in calendars of one kind. That which is not named occurs as elsewhere.
OF_BUSINESS = {
    **{"business": 3.5, "theta": 1.5, "exponential smoothing": 1.5, "rates": 1.5, "growth": 0.8, "counts": 0.6},
    **{"sum": 0.6, "product": 0.6, "season in a season": 0.2, "regimes": 0.8, "volatility": 0.5, "rare demand": 0.4},
    **{"SARIMA": 0.5, "SARIMA twice": 0.6, "SARIMA noised": 0.4, "Gaussian process": 0.6, "Gaussian product": 0.3},
    **{"load": 0.2, "sun": 0.1, "days": 0.3, "shapes": 0.3, "chaos": 0.3},
}
OF_YEARS = {
    **{"business": 6.0, "theta": 1.5, "exponential smoothing": 1.5, "rates": 0.7, "growth": 2.0, "counts": 0.3},
    **{"sum": 1.2, "product": 1.2, "season in a season": 0.1, "regimes": 0.4, "volatility": 0.3, "rare demand": 0.2},
    **{"SARIMA": 0.3, "SARIMA twice": 0.3, "SARIMA noised": 0.2, "Gaussian process": 0.3, "Gaussian product": 0.2},
    **{"load": 0.05, "sun": 0.05, "days": 0.05, "shapes": 0.2, "chaos": 0.2, "random walk": 0.8},
}
OF_DAYS = {"days": 3.0, "business": 0.4, "rare demand": 1.4, "counts": 1.5, "sun": 0.3, "growth": 0.6}
OF_HOURS = {
    **{"load": 3.0, "sun": 2.0, "season in a season": 1.5, "business": 0.2, "theta": 0.4, "growth": 0.4, "days": 0.2},
    **{"exponential smoothing": 0.6, "rates": 1.5},
}

PROFILES = (
    Profile("yearly", 64, 2.0, {(1, 1): 1.0}, 10, OF_YEARS),
    Profile("quarterly", 96, 2.0, {(4, 1): 6.0, (1, 1): 0.5, (2, 1): 0.5}, 16, OF_BUSINESS),
    Profile("monthly", 192, 3.5, {(12, 1): 8.0, (1, 1): 0.5, (6, 1): 0.5, (3, 1): 0.3, (4, 1): 0.5}, 24, OF_BUSINESS),
    Profile("long monthly", 480, 1.0, {(12, 1): 8.0, (4, 1): 2.0, (1, 1): 1.0, (12, 132): 0.3}, 120, OF_BUSINESS),
    Profile(
        "weekly", 416, 1.5, {(52, 1): 6.0, (1, 1): 2.0, (4, 52): 0.5, (13, 52): 0.5, (26, 52): 0.3}, 60, OF_BUSINESS
    ),
    Profile(
        "daily", 512, 2.5, {(7, 1): 7.0, (1, 1): 1.0, (5, 1): 1.5, (7, 30): 0.5, (6, 1): 0.3, (30, 1): 0.5}, 40, OF_DAYS
    ),
    Profile(
        "years of days",
        1280,
        1.0,
        {(7, 365): 6.0, (365, 1): 2.0, (7, 1): 1.0, (5, 260): 1.0, (366, 1): 0.2},
        400,
        OF_DAYS,
    ),
    Profile(
        "hourly", 1024, 2.5, {(24, 168): 8.0, (24, 1): 2.0, (168, 1): 0.3, (12, 84): 0.3, (8, 56): 0.3}, 72, OF_HOURS
    ),
    Profile("half-hourly", 1536, 1.0, {(48, 336): 8.0, (48, 1): 2.0, (336, 1): 0.3}, 144, OF_HOURS),
    Profile(
        "minutes",
        2048,
        1.0,
        {(96, 672): 5.0, (96, 1): 2.0, (144, 1008): 2.0, (288, 1): 2.0, (60, 1): 1.0},
        192,
        OF_HOURS,
    ),
    Profile("other", 384, 1.0, {(1, 1): 2.0, (10, 1): 1.0, (20, 1): 1.0, (100, 1): 0.5, (9, 1): 0.5, (13, 1): 0.5}, 40),
    Profile("waves", 768, 1.0, {(season, 1): 1 / season for season in range(2, 401)}, 100),
)
"""What the tables of people are, by and large."""
