"""Whether a season is visible in data: a significant autocorrelation at its lag, and a share of the variance.

The autocorrelation is tested as in the M4 competition (Makridakis, Spiliotis & Assimakopoulos 2020,
doi:10.1016/j.ijforecast.2019.04.014). The strength is that of Wang, Smith & Hyndman (2006,
doi:10.1007/s10618-005-0039-x), of a classical decomposition, and adjusted for the means it takes: that of noise is
zero, however few the seasons.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...tables.panel import Floats

NINETY_PERCENT = 1.645
LEAST_SEASONS = 3
"""Seasons that a season can be seen in."""
VISIBLE, STRONG = 0.3, 0.64
"""The least strength of a season with a significant autocorrelation, and of one without; the second is that of R's
nsdiffs. Of random walks and noise over five seasons or more, two of a hundred show a season at most."""

LONGEST_CYCLE, CYCLES = 400, 5
"""The longest season that is looked for without a calendar, and how many are looked at."""


def autocorrelation(values: Floats, most: int) -> Floats:
    """The autocorrelation of one series at the lags 0 to ``most``, shape (most + 1,); of a constant one, zero."""
    centred = values - values.mean()
    power = np.abs(np.fft.rfft(centred, 2 * len(centred))) ** 2
    covariance = np.fft.irfft(power)[: most + 1]
    return covariance / covariance[0] if covariance[0] > 0 else np.zeros(most + 1)


def is_significant(values: Floats, season: int) -> bool:
    """Whether the autocorrelation at lag ``season`` differs from zero at 90 % (Bartlett's bounds)."""
    if season == 1 or len(values) < LEAST_SEASONS * season:
        return False
    correlation = autocorrelation(values, season)[1:]
    spread = np.sqrt((1 + 2 * (correlation[:-1] ** 2).sum()) / len(values))
    return bool(abs(correlation[-1]) > NINETY_PERCENT * spread)


def strength(values: Floats, season: int) -> float:
    """The share of the variance about the trend that the means of the season's places take, adjusted; 0 or more."""
    detrended = values - _trend(values, season)
    detrended = detrended[~np.isnan(detrended)]
    places = np.arange(len(detrended)) % season
    means = np.bincount(places, detrended, season) / np.maximum(np.bincount(places, minlength=season), 1)
    rest, free = detrended - means[places], len(detrended) - season
    total = detrended.var() * len(detrended) / max(len(detrended) - 1, 1)
    if free < 1 or total <= 0:
        return 0.0
    return max(0.0, 1 - float((rest**2).sum()) / free / total)


def _trend(values: Floats, season: int) -> Floats:
    """The centred moving average over one season, NaN where it would reach beyond an end."""
    kernel = np.full(season + 1 - season % 2, 1 / season)
    if season % 2 == 0:
        kernel[[0, -1]] /= 2
    trend, half = np.full(len(values), np.nan), len(kernel) // 2
    if len(values) >= len(kernel):
        trend[half : len(values) - half] = np.convolve(values, kernel, "valid")
    return trend


def is_visible(values: Floats, season: int) -> bool:
    """Whether one series shows this season."""
    if len(values) < LEAST_SEASONS * season:
        return False
    size = strength(values, season)
    significant = is_significant(values, season) or is_significant(np.diff(values), season)
    return size >= STRONG or (size >= VISIBLE and significant)


def without(values: Floats, season: int) -> Floats:
    """The series less the means of the season's places, in which a longer season is looked for."""
    detrended = values - _trend(values, season)
    known, places = ~np.isnan(detrended), np.arange(len(values)) % season
    sums = np.bincount(places[known], detrended[known], season)
    return values - (sums / np.maximum(np.bincount(places[known], minlength=season), 1))[places]


def cycle(series: Sequence[Floats]) -> int:
    """The shortest season that stands out of the mean autocorrelation of these series' changes; 1 where none does."""
    changes = [np.diff(values) for values in series]
    shortest = min(len(values) for values in changes)
    most = min(shortest // LEAST_SEASONS, LONGEST_CYCLE)
    if most < 3:
        return 1
    mean = np.mean([autocorrelation(values, most) for values in changes], axis=0)
    bound = NINETY_PERCENT / np.sqrt(shortest)
    peaks = [lag for lag in range(2, most) if mean[lag] > max(bound, mean[lag - 1], mean[lag + 1])]
    highest = sorted(peaks, key=lambda lag: -mean[lag])[:CYCLES]
    strengths = {lag: float(np.median([strength(values, lag) for values in series])) for lag in highest}
    best = max(strengths.values(), default=0.0)
    return min((lag for lag, size in strengths.items() if size >= max(STRONG, 0.9 * best)), default=1)
