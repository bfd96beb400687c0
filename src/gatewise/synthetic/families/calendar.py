"""What people use by the hour and the day: profiles of days, weekdays, holidays and years."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, Frame, Integers
from ..parts.filters import autoregression
from ..parts.scale import exponential, standard
from ..parts.trends import TRENDS
from .family import Family

_KINDS = 3  # of days: working days, Saturdays, Sundays and holidays


def _steps_of_a_day(frame: Frame) -> Integers:
    """The season itself where it is a day, 1 where steps are days or longer; shape (B,)."""
    return np.where(frame.season >= 8, frame.season, 1)


def _profile(frame: Frame, steps: Integers) -> Floats:
    """A night, a morning and an evening, for each kind of day; shape (B, kinds, longest day)."""
    longest = int(steps.max())
    place = (np.arange(longest) / steps[:, None])[:, None, :]
    profiles = np.zeros((frame.rows, _KINDS, longest))
    kinds = (frame.rows, _KINDS, 1)
    for centre, spread, size in ((0.35, 0.06, 1.0), (0.78, 0.06, 1.0), (0.55, 0.15, 1.0)):
        at = centre + 0.06 * frame.rng.standard_normal((frame.rows, 1, 1)) + 0.03 * frame.rng.standard_normal(kinds)
        distance = np.abs((place - at + 0.5) % 1 - 0.5)
        width = spread * np.exp(0.5 * frame.rng.standard_normal((frame.rows, 1, 1)))
        height = size * np.exp(0.5 * frame.rng.standard_normal((frame.rows, 1, 1)))
        profiles += height * np.exp(0.3 * frame.rng.standard_normal(kinds)) * np.exp(-((distance / width) ** 2) / 2)
    start = frame.rng.uniform(0, 1, (frame.rows, 1, 1))  # where in the day a table begins
    moved = np.take_along_axis(profiles, ((np.arange(longest) + (start * longest)).astype(int)) % longest, axis=2)
    return moved * (steps[:, None, None] > 1)


def _kinds(frame: Frame, day: Integers) -> Integers:
    """Which kind every day is, shape (B, T): five working days in seven, and a few holidays."""
    weekday = (day + frame.rng.integers(0, 7, (frame.rows, 1))) % 7
    kind = np.maximum(weekday - 4, 0)
    holidays = frame.rng.random((frame.rows, int(day.max()) + 1)) < frame.log_column(0.003, 0.04)
    return np.where(np.take_along_axis(holidays, day, axis=1), 2, kind)


def _year(frame: Frame, days: Floats) -> Floats:
    """The weather's course of a year, and what wanders around it from day to day."""
    phase = 2 * np.pi * (days / 365.25 + frame.column(0, 1))
    summer = np.cos(phase) + frame.column(-0.6, 0.6) * np.cos(2 * phase)
    return summer * frame.log_column(0.03, 0.5)


def _weather(frame: Frame, steps: Integers) -> Floats:
    """Spells of a few days."""
    keep = np.exp(-1 / (frame.log_column(1, 6) * np.maximum(steps[:, None], 1)))
    return autoregression(frame.normal(), np.minimum(keep, 0.999))


def _load(frame: Frame) -> Floats:
    steps = _steps_of_a_day(frame)
    day = frame.steps // steps[:, None]
    kind = _kinds(frame, day)
    moment = frame.steps % steps[:, None]
    profiles = _profile(frame, steps)
    shape = profiles[np.arange(frame.rows)[:, None], kind, moment] * frame.log_column(0.2, 2)
    quiet = np.concatenate([np.ones((frame.rows, 1)), 1 - np.abs(0.3 * frame.rng.standard_normal((frame.rows, 2)))], 1)
    level = np.take_along_axis(quiet, kind, axis=1)
    slow = _year(frame, frame.steps / steps[:, None]) + _weather(frame, steps) * frame.log_column(0.01, 0.2)
    trend = frame.any_of(TRENDS) * frame.choice([0, 0.1, 0.4], [4, 4, 2])
    noise = frame.normal() * frame.log_column(0.003, 0.15)
    return (frame.column(0.1, 1.5) + shape) * np.maximum(level, 0.05) * exponential(slow + trend + noise)


def _sun(frame: Frame) -> Floats:
    """Nothing at night, a bow by day, clouds; days of 24 steps where there is no season that could be one."""
    steps = np.where(frame.season > 5, frame.season, 24)
    moment = (frame.steps + frame.rng.integers(0, steps[:, None])) / steps[:, None]
    longer = np.cos(2 * np.pi * (moment / 365.25 + frame.column(0, 1))) * frame.column(0, 0.4)
    bow = np.maximum(np.sin(2 * np.pi * moment) + longer - frame.column(-0.2, 0.3), 0)
    clouds = 1 / (1 + np.exp(-2 * (_weather(frame, steps) + frame.normal() * 0.3 + frame.column(-1, 2))))
    return bow * clouds


def _days(frame: Frame) -> Floats:
    """Daily sales or withdrawals: a factor for each weekday, paydays, the same feasts each year, promotions."""
    weekday = (frame.steps + frame.rng.integers(0, 7, (frame.rows, 1))) % np.maximum(frame.season[:, None], 2)
    factors = frame.rng.standard_normal((frame.rows, int(np.maximum(frame.season, 2).max()))) * frame.log_column(
        0.03, 0.7
    )
    of_week = np.take_along_axis(factors, weekday, axis=1)
    date = (frame.steps + frame.rng.integers(0, 365, (frame.rows, 1))) % 365
    feasts = (frame.rng.random((frame.rows, 365)) < 0.02) * frame.rng.standard_normal((frame.rows, 365))
    feast = np.take_along_axis(feasts, date, axis=1) * frame.log_column(0.1, 1) * frame.chosen(0.5)
    payday = np.exp(-((date % 30.4) / frame.column(2, 8))) * frame.log_column(0.03, 0.4) * frame.chosen(0.3)
    slow = _year(frame, frame.steps.astype(np.float64)) * frame.chosen(0.7)
    trend = standard(frame.any_of(TRENDS)) * frame.log_column(0.02, 0.5)
    noise = frame.normal() * frame.log_column(0.02, 0.4)
    return exponential(of_week + feast + payday + slow + trend + noise)


_SOURCE = "Hong & Fan 2016 (load); the calendar prior of ForecastPFN (Dooley et al. 2023)"
LOAD = Family("load", 7.0, "profiles of a day by weekday, holidays, weather and years", _SOURCE, _load, anchored=True)
SUN = Family("sun", 1.0, "nothing at night, a bow by day, clouds", "Boland 1995", _sun, anchored=True)
DAYS = Family("days", 3.0, "weekdays, feasts, paydays and years", "Taylor & Letham 2018", _days, anchored=True)
