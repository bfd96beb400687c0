"""Series for which exponential smoothing is the right forecast."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, Frame
from ..parts.noises import NOISES
from ..parts.scale import exponential
from ..parts.seasons import pattern, phases
from .family import Family


def _errors(frame: Frame) -> Floats:
    return frame.any_of(NOISES[:2])


def _recursion(frame: Frame) -> Floats:
    """ETS(A, Ad, A): level, damped slope and seasonal states, each corrected by a share of the error."""
    error = np.ascontiguousarray(_errors(frame).T)
    rows, longest = frame.rows, int(frame.season.max())
    level_gain = frame.rng.beta(1, 2, rows) * (frame.rng.random(rows) < 0.9)
    slope_gain = level_gain * frame.rng.beta(1, 6, rows) * (frame.rng.random(rows) < 0.6)
    season_gain = (1 - level_gain) * frame.rng.beta(1, 5, rows) * (frame.season > 1)
    damping = np.where(frame.rng.random(rows) < 0.6, frame.rng.uniform(0.8, 0.99, rows), 1.0)
    slope = frame.rng.standard_normal(rows) * np.exp(frame.rng.uniform(-5, 0, rows)) * (frame.rng.random(rows) < 0.7)
    size = np.exp(frame.rng.uniform(-2.5, 1.7, rows))[:, None] * (frame.season[:, None] > 1)
    states = np.ascontiguousarray((pattern(frame, frame.season) * size).T)
    phase = np.ascontiguousarray(phases(frame, frame.season).T)
    level, every, values = np.zeros(rows), np.arange(rows), np.empty((frame.length, rows))
    assert longest == len(states)
    for step in range(frame.length):
        place, shock = phase[step], error[step]
        slope = damping * slope
        level = level + slope
        values[step] = level + states[place, every] + shock
        level = level + level_gain * shock
        slope = slope + slope_gain * shock
        states[place, every] += season_gain * shock
    return values.T


def _smoothed(frame: Frame) -> Floats:
    """The recursion as it is, or of the logarithm (multiplicative throughout)."""
    values = _recursion(frame)
    logarithm = values / (np.abs(values).max(axis=1, keepdims=True) + 1e-9) * frame.log_column(0.1, 2.5)
    return np.where(frame.chosen(0.45), exponential(logarithm), values)


def _theta(frame: Frame) -> Floats:
    """A level that is smoothed, half of a line's drift, and a season in proportion: what Theta forecasts."""
    smoothing = frame.rng.beta(1, 2, (frame.rows, 1))
    error = frame.normal()
    level = np.cumsum(np.concatenate([np.zeros((frame.rows, 1)), error[:, :-1]], axis=1), axis=1) * smoothing
    drift = frame.steps * frame.normal_column() * frame.log_column(0.01, 0.6)
    course = level + drift + error
    course = course - course.min(axis=1, keepdims=True)
    raised = course / (course.max(axis=1, keepdims=True) + 1e-9) * frame.log_column(0.05, 4) + 1
    size = frame.log_column(0.01, 0.4) * frame.chosen(0.75)
    factors = exponential(pattern(frame, frame.season) * size)
    return raised * np.take_along_axis(factors, phases(frame, frame.season), axis=1)


SMOOTHED = Family(
    "exponential smoothing",
    7.0,
    "ETS: level, damped slope and season, corrected by errors",
    "Hyndman, Koehler, Ord & Snyder 2008, equations of ETS(A, Ad, A)",
    _smoothed,
)
THETA = Family(
    "theta",
    3.0,
    "a smoothed level with a drift and seasonal factors",
    "Assimakopoulos & Nikolopoulos 2000; Hyndman & Billah 2003",
    _theta,
    anchored=True,
)
