"""Trend, seasons and noise, added or multiplied."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, Frame
from ..parts.noises import noise
from ..parts.scale import exponential
from ..parts.seasons import seasonal
from ..parts.trends import TRENDS
from .family import Family


def _parts(frame: Frame) -> tuple[Floats, Floats, Floats]:
    """Trend, seasons and noise, each in its size."""
    trend = frame.any_of(TRENDS) * frame.choice([0.5, 2, 5, 10], [35, 35, 20, 10])
    waves = seasonal(frame, frame.season) * frame.choice([0, 0.15, 0.4, 0.8, 1.6, 3.2], [20, 15, 20, 20, 15, 10])
    longer = seasonal(frame, frame.second_season) * frame.choice([0, 0.2, 0.5, 1, 2], [15, 20, 30, 25, 10])
    return trend, waves + longer * np.where(frame.chosen(0.7), 1.0, 0.3), noise(frame) * frame.log_column(0.02, 1.2)


def _added(frame: Frame) -> Floats:
    trend, waves, rest = _parts(frame)
    return trend + waves + rest


def _multiplied(frame: Frame) -> Floats:
    """The exponential of a sum: growth, a season and noise in proportion to the level."""
    trend, waves, rest = _parts(frame)
    return exponential(trend * frame.column(0.1, 0.6) + waves * frame.column(0.05, 0.4) + rest * frame.column(0.1, 0.4))


def _by_weekday(frame: Frame) -> Floats:
    """A season whose size follows the longer one: quiet days within a busy week."""
    trend, _, rest = _parts(frame)
    size = exponential(seasonal(frame, frame.second_season) * frame.column(0.05, 0.6))
    return trend + (seasonal(frame, frame.season) + frame.column(0, 3)) * size + rest


ADDED = Family(
    "sum",
    9.0,
    "trend, seasons and noise, added",
    "Harvey 1989; composition as in ForecastPFN (Dooley et al. 2023)",
    _added,
)
MULTIPLIED = Family(
    "product",
    7.0,
    "trend, seasons and noise, multiplied",
    "Hyndman et al. 2008, section 2.3; ForecastPFN (Dooley et al. 2023)",
    _multiplied,
    anchored=True,
)
BY_WEEKDAY = Family(
    "season in a season",
    4.0,
    "a season whose size follows a longer one",
    "Taylor 2003; SARIMA-2 of SarSim0 (2026) has the same product",
    _by_weekday,
)
