"""Seasonal ARIMA by its poles, two of them together, and noises made from them (SarSim0)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..batch import Floats, Frame, Integers
from ..parts.filters import Complex, circle, fast_length, filtered, seasonal_sums
from ..parts.scale import standard
from .family import Family

_POLES, _BURN_IN = 10, 128


def _quadratic(frame: Frame, z: Complex, largest: float) -> Complex:
    """``(1 - p z)(1 - conj(p) z)`` for a pole p drawn in a disc, or two real ones; shape (B, frequencies)."""
    radius = largest * np.sqrt(frame.column(0, 1))
    angle = np.where(frame.chosen(0.5), frame.column(0, np.pi), 0.0)
    return 1 - 2 * radius * np.cos(angle) * z + radius**2 * z**2


def _response(frame: Frame, season: Integers, length: int) -> Complex:
    """A stationary ARMA: up to ten poles and three zeros, half of the rows in steps of a season instead."""
    z = circle(length)
    step = np.where(frame.chosen(0.5), season[:, None], 1)
    own = z if (step == 1).all() else np.exp(-2j * np.pi * np.arange(len(z)) * step / length)
    poles = np.ones((frame.rows, len(z)), np.complex128)
    for number in range(_POLES // 2):
        taken = frame.chosen(0.7 if number == 0 else 0.3)
        poles *= np.where(taken, _quadratic(frame, own, 0.9), 1)
    zeros = np.where(frame.chosen(0.5), _quadratic(frame, z, 0.9), 1)
    return zeros / poles * _fractional(frame, z)


def _fractional(frame: Frame, z: Complex) -> Complex:
    """``(1 - z)^-d`` with d from 0 to 1, for a third of the rows; the mean is left out."""
    order = np.where(frame.chosen(0.35), frame.column(0, 1), 0.0)
    size = np.abs(1 - z)
    size[0] = 1
    angle = np.angle(1 - z)
    return size**-order * np.exp(-1j * order * angle) * np.where(order > 0, np.arange(len(z)) > 0, True)


def sarima(frame: Frame, season: Integers) -> Floats:
    """One path for each row, of unit variance; integrated over seasons for half of those that have one."""
    length = fast_length(frame.length + _BURN_IN)
    wide = Frame(frame.rng, length, frame.season, frame.second_season)
    path = filtered(wide.normal(), _response(frame, season, length))[:, -frame.length :]
    over_seasons = (season > 1) & (frame.rng.random(frame.rows) < 0.8)
    summed = np.flatnonzero(over_seasons)
    if len(summed):
        path[summed] = _integrated(frame.part(summed), path[summed], season[summed])
    once = frame.chosen(0.3) & ~over_seasons[:, None]
    return standard(np.where(once, np.cumsum(path, axis=1), path))


def _integrated(frame: Frame, path: Floats, season: Integers) -> Floats:
    """Seasonal sums, from a first season that is not small: a season is there from the start."""
    first = (frame.steps < season[:, None]) * frame.log_column(1, 10)
    return seasonal_sums(path * (1 + first), season)


def _one(frame: Frame) -> Floats:
    return sarima(frame, frame.season)


def _two(frame: Frame) -> Floats:
    """A carrier of the short season, times or plus an envelope of the long one, or of none."""
    carrier = sarima(frame, frame.season)
    envelope = sarima(frame, frame.second_season)
    depth = frame.column(0, 1)
    return np.where(frame.chosen(0.6), carrier * (1 + depth * envelope), carrier + depth * envelope)


def _positive(path: Floats, depth: Floats) -> Floats:
    """A path as a rate around 1."""
    return np.exp(np.clip(path * depth, -6, 6))


def _noised(frame: Frame) -> Floats:
    """Paths as the rate of counts, or as the mean of gamma or lognormal numbers."""
    rate = _positive(_two(frame), frame.column(0.1, 1))
    kind = frame.rng.choice(3, size=(frame.rows, 1), p=[0.4, 0.3, 0.3])
    values = np.empty(frame.shape)
    counts, gammas, logs = (np.flatnonzero(kind[:, 0] == place) for place in range(3))
    mean = rate * frame.log_column(0.1, 100)
    values[counts] = frame.rng.poisson(np.minimum(mean[counts], 1e6))
    values[gammas] = rate[gammas] * _gamma(frame.part(gammas))
    values[logs] = rate[logs] * np.exp(frame.part(logs).normal() * frame.part(logs).log_column(0.02, 0.5))
    return values


def _gamma(frame: Frame) -> NDArray[np.float64]:
    """Generalised gamma numbers of mean about 1."""
    shape, power = frame.log_column(1, 50), frame.column(0.5, 1.5)
    return (frame.rng.gamma(np.broadcast_to(shape, frame.shape)) / shape) ** power


_SOURCE = "SarSim0 (arXiv 2601.00970)"
SARIMA = Family("SARIMA", 5.0, "seasonal ARIMA drawn by its poles", _SOURCE, _one)
SARIMA_TWO = Family("SARIMA twice", 9.0, "a seasonal carrier with a seasonal envelope", _SOURCE, _two)
SARIMA_NOISED = Family("SARIMA noised", 5.0, "counts and skewed numbers around such paths", _SOURCE, _noised, True)
