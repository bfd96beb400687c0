"""Measures of forecast accuracy; N series, H steps ahead, Q quantile levels.

An actual value that is NaN was not observed, and counts nowhere; a forecast that is NaN makes its measures NaN. Every
measure is NaN, without a warning, where it is not defined.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...tables.panel import Floats

# A difference below this many units in the last place of the largest value is rounding, not variation.
ROUNDING = 8


def seasonal_scale(values: Floats, season: int) -> float:
    """In-sample mean absolute error of the seasonal naive, the scale of MASE (Hyndman & Koehler 2006).

    It begins with the first value that is not zero (as in the M5 competition, doi:10.1016/j.ijforecast.2021.11.013).
    Values that are NaN were not observed, and differences from them do not count. NaN where the series has no two
    observations a season apart, or repeats itself exactly from season to season.
    """
    values = values[np.argmax(values != 0) :]
    changes = np.abs(values[season:] - values[:-season])
    scale = mean(changes[~np.isnan(changes)])
    return scale if scale > ROUNDING * np.spacing(np.nanmax(np.abs(values))) else float("nan")


def mase(actual: Floats, forecast: Floats, scale: Floats) -> Floats:
    """Mean absolute scaled error of each series, shape (N,), from (N, H), (N, H) and the scales (N,)."""
    return over_steps(np.abs(actual - forecast), actual) / scale


def smape(actual: Floats, forecast: Floats) -> Floats:
    """Symmetric mean absolute percentage error of each series, shape (N,), in percent with factor 200 (M4).

    A step whose actual value and forecast are both zero counts as 0.
    """
    size = np.abs(actual) + np.abs(forecast)
    return 200 * over_steps(np.abs(actual - forecast) / np.where(size > 0, size, 1.0), actual)


def msis(actual: Floats, low: Floats, high: Floats, level: int, scale: Floats) -> Floats:
    """Mean scaled interval score of each series, shape (N,), as M4 ranked intervals (Gneiting & Raftery 2007).

    Width of the central interval of ``level`` percent, and 2 / (1 - level / 100) times the distance of what lies
    outside, scaled as in `mase`. low, high: (N, H).
    """
    outside = np.maximum(low - actual, 0.0) + np.maximum(actual - high, 0.0)
    return over_steps(high - low + outside * 200 / (100 - level), actual) / scale


def wql(actual: Floats, quantiles: Floats, levels: Sequence[float]) -> float:
    """Weighted quantile loss: twice the pinball loss, summed over all steps, over the sum of ``|actual|``.

    actual: (N, H). quantiles: (N, H, Q). It is the mean over the Q levels, and comparable only where these are the
    same: that of few levels is not the continuous ranked probability score.
    """
    error = actual[..., None] - quantiles
    probability = np.asarray(levels)
    pinball = np.maximum(probability * error, (probability - 1) * error).mean(axis=-1)
    observed = ~np.isnan(actual)
    size = float(np.abs(actual[observed]).sum())
    return 2 * float(pinball[observed].sum()) / size if size > 0 else float("nan")


def inside(actual: Floats, low: Floats, high: Floats) -> Floats:
    """1 where an observation lies in its interval, bounds included whatever rounding made of them, and else 0.

    NaN where there is no observation, (N, H).
    """
    slack = ROUNDING * np.spacing(np.abs(actual))
    held = (low - slack <= actual) & (actual <= high + slack)
    return np.where(np.isnan(actual), np.nan, held)


def coverage(actual: Floats, low: Floats, high: Floats) -> float:
    """Percent of the observations inside their interval, see `inside`."""
    held = inside(actual, low, high)
    return 100 * mean(held[~np.isnan(held)])


def over_steps(figures: Floats, actual: Floats) -> Floats:
    """Mean of the figures (N, H) of each series over the steps that were observed, (N,)."""
    observed = ~np.isnan(actual)
    total, count = np.where(observed, figures, 0.0).sum(axis=1), observed.sum(axis=1)
    return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)


def mean(figures: Floats) -> float:
    """Arithmetic mean of all figures; NaN where there is none."""
    return float(figures.mean()) if figures.size else float("nan")
