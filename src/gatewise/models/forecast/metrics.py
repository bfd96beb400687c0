"""Measures of forecast accuracy; N series, H steps ahead, Q quantile levels.

Every measure is NaN, without a warning, where it is not defined.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...tables.panel import Floats

# A difference below this many units in the last place of the largest value is rounding, not variation.
ROUNDING = 8


def seasonal_scale(values: Floats, season: int) -> float:
    """In-sample mean absolute error of the seasonal naive, the scale of MASE (Hyndman & Koehler 2006).

    Values that are NaN were not observed, and differences from them do not count. NaN where the series has no two
    observations a season apart, or repeats itself exactly from season to season.
    """
    changes = np.abs(values[season:] - values[:-season])
    scale = mean(changes[~np.isnan(changes)])
    return scale if scale > ROUNDING * np.spacing(np.nanmax(np.abs(values))) else float("nan")


def mase(actual: Floats, forecast: Floats, scale: Floats) -> Floats:
    """Mean absolute scaled error of each series, shape (N,), from (N, H), (N, H) and the scales (N,)."""
    return np.abs(actual - forecast).mean(axis=1) / scale


def smape(actual: Floats, forecast: Floats) -> Floats:
    """Symmetric mean absolute percentage error of each series, shape (N,), in percent with factor 200 (M4).

    A step whose actual value and forecast are both zero counts as 0.
    """
    size = np.abs(actual) + np.abs(forecast)
    return 200 * (np.abs(actual - forecast) / np.where(size > 0, size, 1.0)).mean(axis=1)


def scaled_crps(actual: Floats, quantiles: Floats, levels: Sequence[float]) -> float:
    """Mean weighted quantile loss: twice the pinball loss, summed over all steps, over the sum of
    ``|actual|``.

    actual: (N, H). quantiles: (N, H, Q). The mean over the levels approximates the continuous ranked
    probability score (Gneiting & Raftery 2007) in units of the data's size.
    """
    error = actual[..., None] - quantiles
    probability = np.asarray(levels)
    pinball = np.maximum(probability * error, (probability - 1) * error)
    size = float(np.abs(actual).sum())
    return 2 * float(pinball.sum(axis=(0, 1)).mean()) / size if size > 0 else float("nan")


def coverage(actual: Floats, low: Floats, high: Floats) -> float:
    """Percent of observations inside their interval, bounds included, whatever rounding made of them."""
    slack = ROUNDING * np.spacing(np.abs(actual))
    return 100 * float(((low - slack <= actual) & (actual <= high + slack)).mean())


def mean(figures: Floats) -> float:
    """Arithmetic mean of all figures; NaN where there is none."""
    return float(figures.mean()) if figures.size else float("nan")
