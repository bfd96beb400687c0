"""Plain shapes: waves of one period, steps, saws, pulses and spikes."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, Frame
from ..parts import Part
from ..parts.trends import TRENDS
from .family import Family


def _turns(frame: Frame) -> Floats:
    """How many times each row's season has passed, with a start; shape (B, T)."""
    season = np.where(frame.season > 1, frame.season, frame.rng.integers(2, max(frame.length // 2, 3), frame.rows))
    return frame.steps / season[:, None] + frame.column(0, 1)


def _sine(frame: Frame) -> Floats:
    return np.sin(2 * np.pi * _turns(frame))


def _saw(frame: Frame) -> Floats:
    turn = _turns(frame) % 1
    return np.where(frame.chosen(0.5), turn, 1 - turn)


def _triangle(frame: Frame) -> Floats:
    turn, peak = _turns(frame) % 1, frame.column(0.1, 0.9)
    rising: Floats = turn / peak
    return np.minimum(rising, (1 - turn) / (1 - peak))


def _square(frame: Frame) -> Floats:
    return np.where(_turns(frame) % 1 < frame.column(0.1, 0.9), 1.0, 0.0)


def _pulses(frame: Frame) -> Floats:
    """Once a season, fading."""
    return np.exp(-(_turns(frame) % 1) * frame.log_column(2, 60))


def _steps(frame: Frame) -> Floats:
    """Levels that stay for a while."""
    changes = frame.rng.random(frame.shape) < frame.log_column(0.004, 0.1)
    return np.cumsum(changes * frame.normal(), axis=1)


def _spikes(frame: Frame) -> Floats:
    """A flat ground with spikes at irregular times."""
    return np.where(frame.rng.random(frame.shape) < frame.log_column(0.01, 0.1), 1 + np.abs(frame.normal()), 0.0)


_SHAPES = (
    Part(3.0, _sine),
    Part(1.0, _saw),
    Part(1.0, _triangle),
    Part(1.0, _square),
    Part(1.0, _pulses),
    Part(1.0, _steps),
    Part(0.6, _spikes),
)


def _shaped(frame: Frame) -> Floats:
    trend = frame.any_of(TRENDS) * frame.choice([0, 0.5, 2], [6, 2, 2])
    return frame.any_of(_SHAPES) + trend + frame.normal() * frame.choice([0, 0.02, 0.1, 0.3], [2, 3, 3, 2])


SHAPES = Family("shapes", 5.0, "sines, saws, triangles, squares, pulses, steps and spikes", "TempoPFN (2025)", _shaped)
