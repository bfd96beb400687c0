"""Series for which exponential smoothing is the right forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..batch import Floats, Frame, Integers
from ..parts.filters import moving_levels, seasonal_sums
from ..parts.noises import NOISES
from ..parts.scale import exponential
from ..parts.seasons import pattern, phases, repeated
from .family import Family


@dataclass(frozen=True)
class States:
    """ETS(A, Ad, A) of some series; all but ``season`` of shape (B, 1).

    Attributes:
        alpha: Share of an error that goes into the level.
        beta: That into the slope.
        gamma: That into the season.
        phi: Damping of the slope, 1 for none.
        slope: At the start; the level there is 0.
        season: Its states at the start, in the order of the steps, repeated to shape (B, T).
    """

    alpha: Floats
    beta: Floats
    gamma: Floats
    phi: Floats
    slope: Floats
    season: Floats


def smoothed(states: States, errors: Floats, period: Integers) -> Floats:
    """What the recursion of exponential smoothing gives for errors (B, T); all states are sums of these."""
    count = 1 + np.arange(errors.shape[1])
    slopes = states.slope * states.phi**count + moving_levels(states.beta * errors, states.phi)
    rises = states.phi * _before(slopes, states.slope)
    levels = np.cumsum(rises + states.alpha * errors, axis=1)
    seasons = states.season + states.gamma * (seasonal_sums(errors, period) - errors)
    return _before(levels, np.zeros_like(states.slope)) + rises + seasons + errors


def _before(values: Floats, first: Floats) -> Floats:
    """Each value a step earlier."""
    return np.concatenate([first, values[:, :-1]], axis=1)


def _drawn(frame: Frame) -> States:
    alpha = frame.rng.beta(1, 2, (frame.rows, 1)) * frame.chosen(0.9)
    is_seasonal = frame.season[:, None] > 1
    size = frame.log_column(0.08, 5.5) * is_seasonal
    return States(
        alpha,
        alpha * frame.rng.beta(1, 6, (frame.rows, 1)) * frame.chosen(0.6),
        (1 - alpha) * frame.rng.beta(1, 5, (frame.rows, 1)) * is_seasonal,
        np.where(frame.chosen(0.6), frame.column(0.8, 0.99), 1.0),
        frame.normal_column() * frame.log_column(0.007, 1) * frame.chosen(0.7),
        repeated(pattern(frame, frame.season) * size, phases(frame, frame.season)),
    )


def _smoothed(frame: Frame) -> Floats:
    """The recursion as it is, or of the logarithm (multiplicative throughout)."""
    values = smoothed(_drawn(frame), frame.any_of(NOISES[:2]), frame.season)
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
