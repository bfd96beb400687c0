"""What firms and statistical offices count by the month, quarter or year."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, Frame
from ..parts.filters import autoregression, moving_levels, seasonal_sums
from ..parts.noises import NOISES
from ..parts.scale import exponential, standard
from ..parts.seasons import pattern, phases, repeated
from .family import Family


def _steps_of_a_year(frame: Frame) -> Floats:
    """How many steps make a year, shape (B, 1): a season, or for rows without one 1, 4 or 12; 40 years at most."""
    plain = frame.choice([1, 4, 12], [6, 2, 2])
    year = np.where(frame.season[:, None] > 1, frame.season[:, None], plain)
    return np.maximum(year, frame.length / 40)


def _growth(frame: Frame, year: Floats) -> Floats:
    """Logarithm of the level: a growth that changes slowly, shocks that stay, and a cycle."""
    mean = 0.03 * frame.choice([0, 1, 3], [3, 5, 2]) + 0.05 * frame.normal_column()
    change = frame.normal() * frame.log_column(0.003, 0.08) / year
    keep = 1 - frame.log_column(0.02, 0.5) / np.sqrt(year)
    growth = mean / year + moving_levels(change, keep)
    sudden = frame.normal()
    lasting = autoregression(frame.normal(), frame.column(0.2, 0.8))
    shocks = np.where(frame.chosen(0.3), lasting, sudden) * frame.log_column(0.003, 0.12) / np.sqrt(year)
    period = year * frame.column(3, 11)
    cycle = np.sin(2 * np.pi * (frame.steps / period + frame.column(0, 1))) * frame.log_column(0.005, 0.12)
    return np.cumsum(growth + shocks, axis=1) + cycle * frame.chosen(0.4)


def _events(frame: Frame) -> Floats:
    """Shifts that stay, changes that fade, and single outliers, in the logarithm."""
    size = frame.log_column(0.05, 0.5)
    after = frame.steps - frame.rng.integers(0, frame.length, (frame.rows, 1))
    fade = np.where(frame.chosen(0.5), 0.0, frame.log_column(0.05, 0.7))
    change = (after >= 0) * np.exp(-fade * np.maximum(after, 0)) * frame.normal_column() * frame.chosen(0.3)
    outliers = (frame.rng.random(frame.shape) < 0.01) * frame.normal() * frame.chosen(0.5)
    return size * (change + outliers)


def _factors(frame: Frame) -> Floats:
    """Logarithms of seasonal factors that move a little from year to year, and swell or shrink for some rows."""
    years = np.maximum(frame.length / frame.season[:, None], 1)
    move = frame.normal() * frame.log_column(0.02, 0.6) / np.sqrt(years) * frame.chosen(0.7)
    season = repeated(pattern(frame, frame.season), phases(frame, frame.season)) + seasonal_sums(move, frame.season)
    swell = np.exp(frame.normal_column() * 0.5 * frame.time * frame.chosen(0.4))
    size = np.where(frame.chosen(0.2), 0.0, frame.log_column(0.006, 0.5))
    return season * size * swell * (frame.season[:, None] > 1)


def _business(frame: Frame) -> Floats:
    year = _steps_of_a_year(frame)
    rest = frame.any_of(NOISES[:3]) * frame.log_column(0.003, 0.2)
    return exponential(_growth(frame, year) + _factors(frame) + _events(frame) + rest)


def _rates(frame: Frame) -> Floats:
    """Levels without growth: rates, ratios and indices that come back, with a small season."""
    year = _steps_of_a_year(frame)
    keep = 1 - frame.log_column(0.02, 0.8) / year
    level = standard(moving_levels(frame.normal(), keep))
    smooth = standard(moving_levels(level, 1 - frame.log_column(0.1, 1) / np.sqrt(year)))
    course = np.where(frame.chosen(0.4), smooth, level)
    rest = frame.normal() * frame.log_column(0.02, 0.6)
    return course + _factors(frame) * 3 * frame.chosen(0.7) + rest + 3 * _events(frame)


BUSINESS = Family(
    "business",
    12.0,
    "growth, seasonal factors and events, as of sales and visitors",
    "Harvey 1989 (basic structural model in logarithms); Chen & Liu 1993 (events)",
    _business,
    anchored=True,
)
RATES = Family("rates", 3.0, "rates and indices that come back to a level", "Harvey 1989; Box & Jenkins 1970", _rates)
