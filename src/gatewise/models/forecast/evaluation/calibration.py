"""Whether intervals hold what they say, and how far they are widened where they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ....tables.panel import Floats
from ..metrics import inside
from ..results import Quantiles, Window, interval_levels
from .differences import variance_of_mean

HITS_TOGETHER = 0.35
"""Correlation between whether an interval holds one step of a window and another: the median over models and sets in
`python -m benchmarks verdict`. It makes 36 values in windows of 12 steps count for 7."""

CERTAIN = 2.0
"""Standard errors by which intervals must fall short before it is said, and they are widened."""

FEWEST_ORIGINS = 9
"""Windows of a series from which intervals are widened: stretched by fewer they were worse."""


@dataclass(frozen=True)
class Coverage:
    """The percent of ``values`` observations that central intervals of ``level`` percent held, and its standard error.

    The error is the one that intervals would have which hold what they say, of observations that are correlated within
    a window.
    """

    level: int
    percent: float
    standard_error: float
    values: int

    @property
    def short(self) -> bool:
        """Whether they fell short by more than chance explains."""
        return self.percent < self.level - CERTAIN * self.standard_error

    @classmethod
    def of(cls, windows: Sequence[Window], model: str, level: int, step: int) -> Coverage:
        """That of a model's intervals in windows which begin ``step`` steps apart."""
        held = np.stack([inside(window.actual, *window.forecasts[model].interval(level)) for window in windows])
        observed = ~np.isnan(held)
        values = int(observed.sum())
        if not values:
            return cls(level, float("nan"), float("inf"), 0)
        errors = [_binomial_error(level, observed, step), _error_between_windows(held, step)]
        return cls(level, 100 * float(held[observed].mean()), max(errors), values)


def widening(windows: Sequence[Window], model: str, coverages: Sequence[Coverage]) -> Mapping[int, float]:
    """For each level whose intervals fell short, the factor on their reach with which they would not have.

    It is a quantile, with the finite-sample rank of conformal prediction, of how far the observations of all windows,
    series and steps lay from the median in units of the interval's reach. Intervals are never narrowed.
    """
    origins = sum(int((~np.isnan(window.actual)).any(axis=1).sum()) for window in windows)
    if origins < FEWEST_ORIGINS:
        return {}
    factors = {coverage.level: _factor(windows, model, coverage.level) for coverage in coverages if coverage.short}
    return {level: factor for level, factor in factors.items() if np.isfinite(factor) and factor > 1}


def widened(forecast: Quantiles, factors: Mapping[int, float]) -> Quantiles:
    """The forecast with the intervals of these levels widened, and those around them where they would cross."""
    return replace(forecast, values=widening_of(forecast.values, forecast.levels, factors)) if factors else forecast


def widening_of(values: Floats, levels: tuple[float, ...], factors: Mapping[int, float]) -> Floats:
    """The same of the quantiles alone, (..., levels)."""
    reach = np.ones(len(levels))
    for level, factor in factors.items():
        for bound in set(interval_levels(level)) & set(levels):
            reach[levels.index(bound)] = factor
    return stretched(values, reach) if factors else values


def stretched(values: Floats, reach: Floats) -> Floats:
    """Quantiles (..., Q), each so many times (Q,) as far from the middle one, and further where they would cross."""
    median = values[..., values.shape[-1] // 2, None]
    return nested(np.where(reach == 1, values, median + reach * (values - median)))


def nested(values: Floats) -> Floats:
    """Quantiles (..., Q) made to fall outward from the middle one, each interval no narrower than the one inside."""
    middle = values.shape[-1] // 2
    lower = np.minimum.accumulate(values[..., middle::-1], axis=-1)[..., ::-1]
    upper = np.maximum.accumulate(values[..., middle:], axis=-1)
    return np.concatenate((lower, upper[..., 1:]), axis=-1)


def _binomial_error(level: int, observed: NDArray[np.bool_], step: int) -> float:
    """Percent, from the number of values that count. observed: bool (K, S, H)."""
    horizon = observed.shape[-1]
    windows, _, horizon = observed.shape
    cells = observed.any(axis=-1).sum()
    together = observed.sum() / cells
    cells = cells * (1 + (windows - 1) * min(step / horizon, 1)) / windows  # steps in two windows count once
    effective = cells * together / (1 + (together - 1) * HITS_TOGETHER)
    return float(np.sqrt(level * (100 - level) / max(effective, 1.0)))


def _error_between_windows(held: Floats, step: int) -> float:
    """Percent, from how much windows differ where series share them; 0 where this says nothing. held: (K, S, H)."""
    windows, series, horizon = held.shape
    shares = np.array([np.nanmean(one) for one in held if not np.isnan(one).all()])
    if series < 2 or len(shares) < 3:
        return 0.0
    return 100 * float(np.sqrt(variance_of_mean(shares, min(windows - 2, -(-horizon // step) - 1))))


def _factor(windows: Sequence[Window], model: str, level: int) -> float:
    distances = np.concatenate([_distances(window, model, level) for window in windows])
    rank = min(int(np.ceil((len(distances) + 1) * level / 100)), len(distances))
    return float(np.sort(distances)[rank - 1])


def _distances(window: Window, model: str, level: int) -> Floats:
    forecast = window.forecasts[model]
    return distances(window.actual, forecast.median, *forecast.interval(level))


def distances(actual: Floats, median: Floats, low: Floats, high: Floats) -> Floats:
    """How far what was observed lies from the median, in units of the interval's reach on that side, (observed,)."""
    departure = actual - median
    reach = np.where(departure > 0, high - median, median - low)
    known = ~np.isnan(departure)
    away, reach = np.abs(departure[known]), reach[known]
    return np.divide(away, reach, out=np.where(away > 0, np.inf, 0.0), where=reach > 0)
