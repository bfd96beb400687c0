"""Random walks, processes that change between regimes, and prices."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, Frame
from ..parts.filters import autoregression, moving_levels
from ..parts.scale import exponential
from ..parts.seasons import seasonal
from .family import Family

_REGIMES = 3


def _walk(frame: Frame) -> Floats:
    """Sums of independent steps, normal or heavy-tailed; as logarithms, as prices are, for a third of the rows."""
    heavy = frame.rng.standard_t(3, frame.shape)
    drift = 0.1 * frame.normal_column() * frame.chosen(0.2)
    path = np.cumsum(np.where(frame.chosen(0.4), heavy, frame.normal()) + drift, axis=1)
    return np.where(frame.chosen(0.35), exponential(path * frame.log_column(0.003, 0.08)), path)


def _momentum(frame: Frame) -> Floats:
    """Changes that go on for a while, summed; with a season and with what is measured wrong for half of the rows."""
    shocks = np.where(frame.chosen(0.3), frame.rng.standard_t(4, frame.shape) / np.sqrt(2), frame.normal())
    changes = autoregression(shocks, frame.column(0.2, 0.95)) + 0.2 * frame.normal_column() * frame.chosen(0.4)
    waves = seasonal(frame, frame.season) * frame.log_column(0.3, 8) * frame.chosen(0.5)
    errors = frame.normal() * frame.log_column(0.05, 1.5) * frame.chosen(0.5)
    path = np.cumsum(changes, axis=1) + waves + errors
    return np.where(frame.chosen(0.4), exponential(path * frame.log_column(0.002, 0.04)), path)


def _of_regimes(frame: Frame, low: float, high: float) -> Floats:
    return np.exp(frame.rng.uniform(np.log(low), np.log(high), (frame.rows, _REGIMES)))


def _ou(frame: Frame) -> Floats:
    """An Ornstein-Uhlenbeck process whose mean, pull and noise are those of one of three regimes at a time."""
    changes = frame.rng.random(frame.shape) < frame.log_column(0.002, 0.1)
    regime = np.cumsum(changes, axis=1) * frame.rng.integers(1, _REGIMES, (frame.rows, 1)) % _REGIMES
    means = frame.rng.standard_normal((frame.rows, _REGIMES)) * frame.log_column(0.3, 5)
    mean, pull, noise = (
        np.take_along_axis(values, regime, axis=1)
        for values in (means, _of_regimes(frame, 0.007, 0.9), _of_regimes(frame, 0.05, 1.5))
    )
    values = moving_levels(noise * frame.normal() + pull * mean, 1 - pull)
    waves = seasonal(frame, frame.season) * frame.log_column(0.1, 2) * frame.chosen(0.4)
    return values + waves


def _garch(frame: Frame) -> Floats:
    """Returns whose variance follows the last return and itself; as they are, or summed to prices."""
    shock = frame.rng.standard_t(5, frame.shape).T * np.sqrt(3 / 5)
    memory = frame.rng.uniform(0.7, 0.97, frame.rows)
    answer = (0.995 - memory) * frame.rng.uniform(0.2, 1, frame.rows)
    ground = 1 - memory - answer
    variance, returns = np.ones(frame.rows), np.empty_like(shock)
    for step in range(frame.length):
        returns[step] = shock[step] * np.sqrt(variance)
        variance = ground + answer * np.minimum(returns[step] ** 2, 50) + memory * variance
    kind = frame.choice([0, 1, 2], [2, 5, 2])
    prices = exponential(np.cumsum(returns.T, axis=1) * frame.log_column(0.003, 0.04))
    sizes = np.abs(returns.T) ** frame.column(0.3, 1)
    return np.choose(kind.astype(np.int64), [returns.T, prices, sizes])


WALK = Family(
    "random walk", 12.0, "sums of independent steps: no forecast beats the last value", "Bachelier 1900", _walk
)
MOMENTUM = Family(
    "momentum",
    2.5,
    "sums of changes that go on for a while, with a season or not",
    "Box & Jenkins 1970, ARIMA(1, 1, 0) and (1, 1, 1)",
    _momentum,
)
OU = Family(
    "regimes",
    3.5,
    "a process that is pulled to the mean of one of three regimes",
    "Uhlenbeck & Ornstein 1930; Hamilton 1989; TempoPFN (2025)",
    _ou,
)
GARCH = Family("volatility", 1.5, "returns whose variance clusters, and prices from them", "Bollerslev 1986", _garch)
