"""Linear filters of noise, by its spectrum or by sums; each row has its own coefficients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..batch import Floats, Integers

Complex = NDArray[np.complex128]


def circle(length: int) -> Complex:
    """``exp(-i w)`` at the frequencies of `numpy.fft.rfft`, shape (length // 2 + 1,)."""
    return np.exp(-2j * np.pi * np.arange(length // 2 + 1) / length)


def fast_length(length: int) -> int:
    """A length of a fast transform, at least as long: 2, 3 or 5 times a power of two."""
    powers = 2 ** np.arange(25)
    lengths = np.concatenate([powers, 3 * powers, 5 * powers])
    return int(lengths[lengths >= length].min())


def filtered(noise: Floats, response: Complex) -> Floats:
    """Noise of shape (B, N) through a filter whose response at `circle` (N) is given, shape (B, N // 2 + 1).

    The filter runs around the series, so that it has no transient: what it remembers at the start is the end's.
    """
    return np.fft.irfft(np.fft.rfft(noise, axis=1) * response, n=noise.shape[1], axis=1)


def autoregression(noise: Floats, keep: Floats) -> Floats:
    """``y[t] = keep y[t-1] + noise[t]`` for ``keep`` of shape (B, 1) below 1, scaled to the variance of the noise."""
    response = np.sqrt(1 - keep**2) / (1 - keep * circle(noise.shape[1]))
    return filtered(noise, response)


def seasonal_sums(values: Floats, season: Integers) -> Floats:
    """Sums over a step and those whole seasons before it; a season of 1 sums everything."""
    sums = np.empty_like(values)
    for each in np.unique(season):
        rows = np.flatnonzero(season == each)
        sums[rows] = _sums_of_columns(values[rows], int(each))
    return sums


def _sums_of_columns(values: Floats, season: int) -> Floats:
    rows, length = values.shape
    whole = -(-length // season) * season
    padded = np.zeros((rows, whole))
    padded[:, :length] = values
    return padded.reshape(rows, -1, season).cumsum(axis=1).reshape(rows, whole)[:, :length]


def moving_levels(steps: Floats, keep: Floats) -> Floats:
    """``level[t] = keep[t] level[t-1] + steps[t]`` from 0, both of shape (B, T)."""
    inward, kept = np.ascontiguousarray(steps.T), np.ascontiguousarray(np.broadcast_to(keep, steps.shape).T)
    level = np.zeros(len(steps))
    levels = np.empty_like(inward)
    for step in range(len(inward)):
        level = kept[step] * level + inward[step]
        levels[step] = level
    return levels.T
