"""Seasons: patterns that repeat, of unit variance, shape (B, T); zero where a row has no season."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, Frame, Integers
from . import Part
from .filters import seasonal_sums
from .scale import standard


def pattern(frame: Frame, season: Integers) -> Floats:
    """One season of each row, shape (B, longest season), of unit variance over its own season; 0 beyond."""
    longest = int(season.max())
    frames = Frame(frame.rng, longest, season, frame.second_season)
    inside = np.arange(longest) < season[:, None]
    drawn = frames.any_of(_PATTERNS) * inside
    count = season[:, None]
    centred = (drawn - drawn.sum(axis=1, keepdims=True) / count) * inside
    spread = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
    return centred / np.where(spread > 1e-9, spread, 1.0)


def phases(frame: Frame, season: Integers) -> Integers:
    """The place in the season of every step, from a start drawn for each row, shape (B, T)."""
    start = frame.rng.integers(0, season[:, None])
    return (frame.steps + start) % season[:, None]


def repeated(one: Floats, phase: Integers) -> Floats:
    """A pattern along its phases."""
    return np.take_along_axis(one, phase, axis=1)


def _harmonics(frame: Frame) -> Floats:
    """A few waves, the higher ones smaller."""
    season = frame.season[:, None]
    phase = frame.steps / season
    wave = np.zeros(frame.shape)
    decay = frame.column(0.4, 2)
    for k in range(1, 7):
        size = frame.normal_column() / k**decay * (2 * k <= season)
        wave += size * np.sin(2 * np.pi * (k * phase + frame.column(0, 1)))
    return wave


def _one_wave(frame: Frame) -> Floats:
    return np.sin(2 * np.pi * (frame.steps / frame.season[:, None] + frame.column(0, 1)))


def _free(frame: Frame) -> Floats:
    """A number of its own for each place; heavy-tailed for half of the rows."""
    heavy = frame.rng.standard_t(3, frame.shape)
    return np.where(frame.chosen(0.4), heavy, frame.normal())


def _bumps(frame: Frame) -> Floats:
    """Two or three peaks on a flat ground."""
    place = frame.steps / frame.season[:, None]
    ground = np.zeros(frame.shape)
    for _ in range(3):
        distance = np.abs((place - frame.column(0, 1) + 0.5) % 1 - 0.5)
        ground += np.exp(-((distance / frame.log_column(0.02, 0.25)) ** 2)) * frame.normal_column()
    return ground


def _peaked(frame: Frame) -> Floats:
    """Waves raised to a power: long quiet, short peaks."""
    return np.exp(standard(_harmonics(frame)) * frame.column(0.5, 1.5))


def _one_place(frame: Frame) -> Floats:
    """All alike but for one or two places, as December is for shops."""
    special = np.zeros(frame.shape)
    for size in (1.0, 0.5):
        at = frame.rng.integers(0, frame.season[:, None])
        special += (frame.steps == at) * size * frame.normal_column()
    return special + 0.15 * frame.normal()


def _plateaus(frame: Frame) -> Floats:
    """Two or three levels, as of a working day or week."""
    place = frame.steps / frame.season[:, None]
    levels = np.zeros(frame.shape)
    for _ in range(2):
        start, width = frame.column(0, 1), frame.column(0.1, 0.6)
        levels += ((place - start) % 1 < width) * frame.normal_column()
    return levels


_PATTERNS = (
    Part(3.0, _harmonics),
    Part(0.7, _one_wave),
    Part(2.0, _free),
    Part(1.2, _bumps),
    Part(1.2, _peaked),
    Part(0.8, _one_place),
    Part(0.8, _plateaus),
)


def still(frame: Frame, season: Integers) -> Floats:
    """A season that stays as it is."""
    return repeated(pattern(frame, season), phases(frame, season))


def blended(frame: Frame, season: Integers) -> Floats:
    """A season that turns into another."""
    phase = phases(frame, season)
    middle, rate = frame.column(-0.3, 1.3), frame.log_column(1, 12)
    share = 1 / (1 + np.exp(-(frame.time - middle) * rate))
    first, second = pattern(frame, season), pattern(frame, season)
    second = 0.7 * first + 0.7 * second
    return (1 - share) * repeated(first, phase) + share * repeated(second, phase)


def wandering(frame: Frame, season: Integers) -> Floats:
    """A season each place of which is a random walk (the seasonal state of ETS)."""
    phase = phases(frame, season)
    per_series = np.maximum(frame.length / season[:, None], 1)
    change = frame.normal() * frame.log_column(0.05, 0.8) / np.sqrt(per_series)
    return repeated(pattern(frame, season), phase) + seasonal_sums(change, season)


def swelling(frame: Frame, season: Integers) -> Floats:
    """A season that grows, shrinks, or comes and goes."""
    wander = np.cumsum(frame.normal(), axis=1) * frame.log_column(0.1, 1) / np.sqrt(frame.length)
    size = np.exp(frame.time * frame.normal_column() * 0.8 + wander)
    return still(frame, season) * size / size.mean(axis=1, keepdims=True)


def seasonal(frame: Frame, season: Integers) -> Floats:
    """Any of these courses; zero for rows whose season is 1."""
    courses = (still, blended, wandering, swelling)
    which = frame.rng.choice(len(courses), size=frame.rows, p=[0.4, 0.15, 0.25, 0.2])
    wave = np.zeros(frame.shape)
    for place, course in enumerate(courses):
        rows = np.flatnonzero((which == place) & (season > 1))
        if len(rows):
            wave[rows] = course(frame.part(rows), season[rows])
    return wave
