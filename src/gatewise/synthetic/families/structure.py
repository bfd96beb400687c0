"""Trend, seasons and noise, added or multiplied."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, Frame
from .family import Family


def _season(frame: Frame, season: np.ndarray) -> Floats:
    """A harmonic pattern that repeats, of unit variance; zero where there is no season."""
    phase = (frame.steps / season[:, None] + frame.column(0, 1)) % 1
    wave = np.zeros(frame.shape)
    for k in range(1, 5):
        amplitude = frame.rng.standard_normal((frame.rows, 1)) / k * (season[:, None] > 2 * k - 1)
        wave += amplitude * np.sin(2 * np.pi * (k * phase + frame.column(0, 1)))
    wave -= wave.mean(axis=1, keepdims=True)
    return wave / (wave.std(axis=1, keepdims=True) + 1e-9) * (season[:, None] > 1)


def _structure(frame: Frame) -> Floats:
    line = frame.time * frame.rng.standard_normal((frame.rows, 1)) * frame.choice([0, 0.5, 2, 5], [25, 30, 30, 15])
    waves = _season(frame, frame.season) * frame.log_column(0.1, 4) + 0.3 * _season(frame, frame.second_season)
    noise = frame.normal() * frame.log_column(0.02, 1)
    added = line + waves + noise
    return np.where(frame.chosen(0.4), np.exp(np.clip(0.3 * added, -20, 20)), added)


STRUCTURE = Family("structure", 30.0, "trend, seasons and noise", "Hyndman et al. 2008", _structure)
