"""Seasons: patterns that repeat, of unit variance, shape (B, T); zero where a row has no season."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    """Up to six waves, the higher ones smaller."""
    season = frame.season[:, None]
    most = min(6, max(int(season.max()) // 2, 1))
    order = np.arange(1, most + 1)
    size = frame.rng.standard_normal((frame.rows, most)) / order ** frame.column(0.4, 2) * (2 * order <= season)
    start = frame.rng.random((frame.rows, most))
    wave = np.zeros(frame.shape)
    phase = frame.steps * (2 * np.pi / season)
    for place, k in enumerate(order):
        wave += size[:, [place]] * np.sin(k * phase + 2 * np.pi * start[:, [place]])
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


@dataclass(frozen=True)
class _Still:
    """A season that stays as it is. wave: along the steps, (B, T). one: its pattern. phase: as `phases` gives it."""

    season: Integers
    one: Floats
    phase: Integers
    wave: Floats

    def part(self, rows: Any) -> _Still:
        return _Still(self.season[rows], self.one[rows], self.phase[rows], self.wave[rows])


def _blended(frame: Frame, still: _Still) -> Floats:
    """A season that turns into another."""
    middle, rate = frame.column(-0.3, 1.3), frame.log_column(1, 12)
    share = 1 / (1 + np.exp(-(frame.time - middle) * rate))
    other = 0.7 * (still.wave + repeated(pattern(frame, still.season), still.phase))
    return (1 - share) * still.wave + share * other


def _wandering(frame: Frame, still: _Still) -> Floats:
    """A season each place of which is a random walk (the seasonal state of ETS)."""
    per_series = np.maximum(frame.length / still.season[:, None], 1)
    change = frame.normal() * frame.log_column(0.05, 0.8) / np.sqrt(per_series)
    return still.wave + seasonal_sums(change, still.season)


def _swelling(frame: Frame, still: _Still) -> Floats:
    """A season that grows, shrinks, or comes and goes."""
    wander = np.cumsum(frame.normal(), axis=1) * frame.log_column(0.1, 1) / np.sqrt(frame.length)
    size = np.exp(frame.time * frame.normal_column() * 0.8 + wander)
    return still.wave * size / size.mean(axis=1, keepdims=True)


_COURSES = ((0.15, _blended), (0.25, _wandering), (0.2, _swelling))
"""How often a season moves in each way; else it stays as it is."""


def seasonal(frame: Frame, season: Integers) -> Floats:
    """A season of any course for each row, shape (B, T); zero for rows whose season is 1."""
    wave = np.zeros(frame.shape)
    rows = np.flatnonzero(season > 1)
    if len(rows):
        wave[rows] = _moving(frame.part(rows), season[rows])
    return wave


def _moving(frame: Frame, season: Integers) -> Floats:
    one, phase = pattern(frame, season), phases(frame, season)
    still = _Still(season, one, phase, repeated(one, phase))
    ends = np.cumsum([weight for weight, _ in _COURSES])
    drawn = np.searchsorted(ends, frame.rng.random(frame.rows), side="right")
    wave = still.wave.copy()
    for place, (_, course) in enumerate(_COURSES):
        rows = np.flatnonzero(drawn == place)
        if len(rows):
            wave[rows] = course(frame.part(rows), still.part(rows))
    return wave
