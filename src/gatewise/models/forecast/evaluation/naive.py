"""The naive forecasts of many series at once; one series at a time they are statsforecast's, see `methods`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ....tables.panel import Floats
from ..model import Setup

Whole = NDArray[np.int64]


class Flat:
    """S series end to end.

    values: all of their observations. ends: behind the last one of each, (S,). lengths: (S,).
    """

    def __init__(self, series: Sequence[Floats]) -> None:
        self.values = np.concatenate(series)
        self.lengths = np.array([len(values) for values in series])
        self.ends = np.cumsum(self.lengths)

    @property
    def first(self) -> Floats:
        """The first observation of each, (S,)."""
        return self.values[self.ends - self.lengths]

    @property
    def last(self) -> Floats:
        """The last observation of each, (S,)."""
        return self.values[self.ends - 1]

    def deviation(self, lag: int, drift: Floats | float = 0.0) -> Floats:
        """The root of the mean square of changes over ``lag`` steps, about a drift, (S,); 0 where there is none."""
        drift = np.broadcast_to(drift, self.ends.shape)
        squares = np.zeros(len(self.values))
        squares[lag:] = (self.values[lag:] - (np.repeat(drift, self.lengths)[lag:] + self.values[:-lag])) ** 2
        starts = self.ends - self.lengths
        squares[np.arange(len(squares)) < np.repeat(starts + lag, self.lengths)] = 0.0
        return np.sqrt(np.add.reduceat(squares, starts) / np.maximum(self.lengths - lag, 1))


def naive(series: Sequence[Floats], setup: Setup) -> Floats:
    """The last value, and errors that add up: (S, horizon, Q)."""
    flat, steps = Flat(series), _steps(setup)
    return _quantiles(flat.last[:, None] + 0.0 * steps, flat.deviation(1)[:, None] * np.sqrt(steps), setup)


def seasonal_naive(series: Sequence[Floats], setup: Setup) -> Floats:
    """The last season again; NaN where there is not one and an observation more."""
    flat, season, steps = Flat(series), setup.season, np.arange(setup.horizon)
    places = flat.ends[:, None] - season + steps % season
    mean = np.where((flat.lengths > season)[:, None], flat.values[np.maximum(places, 0)], np.nan)
    return _quantiles(mean, flat.deviation(season)[:, None] * np.sqrt(steps // season + 1), setup)


def drift(series: Sequence[Floats], setup: Setup) -> Floats:
    """On along the line from the first value to the last; NaN where there is one observation."""
    flat, steps = Flat(series), _steps(setup)
    changes = np.where(flat.lengths > 1, flat.lengths - 1.0, np.nan)
    slope = (flat.last - flat.first) / changes
    spread = flat.deviation(1, slope)[:, None] * np.sqrt(steps * (1 + steps / changes[:, None]))
    return _quantiles(slope[:, None] * steps + flat.last[:, None], spread, setup)


TOGETHER: dict[str, Callable[[Sequence[Floats], Setup], Floats]] = {
    "Naive": naive,
    "SeasonalNaive": seasonal_naive,
    "Drift": drift,
}


def _steps(setup: Setup) -> Floats:
    return np.arange(1.0, setup.horizon + 1)


def _quantiles(mean: Floats, spread: Floats, setup: Setup) -> Floats:
    """Normal about means (S, horizon); the middle one is the mean, however wide the spread."""
    probits = [NormalDist().inv_cdf(level) for level in setup.levels]
    departures = [spread * probit if probit else np.zeros_like(mean) for probit in probits]
    return mean[..., None] + np.stack(departures, axis=-1)
