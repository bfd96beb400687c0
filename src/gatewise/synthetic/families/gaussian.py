"""Gaussian processes, drawn from the spectrum of their kernel."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, Frame, Integers
from ..parts.filters import fast_length
from ..parts.scale import exponential, standard
from .family import Family


def _smooth(frame: Frame, frequency: Floats) -> Floats:
    """The spectrum of a squared exponential, or of a Matern kernel of order 1/2 to 5/2."""
    width = frame.log_column(0.5, 0.4 * frame.length) * 2 * np.pi * frequency
    order = frame.choice([0.5, 1.5, 2.5], [1, 1, 1])
    matern = (1 + width**2) ** -(order + 0.5)
    return np.where(frame.chosen(0.4), np.exp(-np.minimum(width**2 / 2, 700)), matern)


def _periodic(frame: Frame, frequency: Floats, season: Integers) -> Floats:
    """Lines at the harmonics of a season, as wide as the season is slow to forget itself."""
    width = frame.log_column(0.05, 1) / frame.length * frame.choice([1, 4], [3, 1])
    decay = frame.column(0.5, 3)
    base = 1 / season[:, None].astype(np.float64)
    harmonic = np.maximum(np.round(frequency / base), 1)
    line = np.exp(-np.minimum(((frequency - harmonic * base) / width) ** 2 / 2, 700))
    return line * harmonic**-decay * (season[:, None] > 1)


def _shares(spectrum: Floats) -> Floats:
    total = spectrum.sum(axis=1, keepdims=True)
    return spectrum / np.where(total > 0, total, 1.0)


def gaussian(frame: Frame) -> Floats:
    """Paths of a sum of two smooth kernels, one or two periodic ones, and white noise."""
    length = fast_length(2 * frame.length)
    frequency = np.arange(length // 2 + 1) / length
    spectrum = _shares(_smooth(frame, frequency)) + _shares(_smooth(frame, frequency)) * frame.log_column(0.02, 1)
    for season in (frame.season, frame.second_season):
        spectrum += _shares(_periodic(frame, frequency, season)) * frame.log_column(0.1, 10)
    spectrum += _shares(np.ones_like(spectrum)) * frame.log_column(1e-4, 0.5)
    phases = frame.rng.standard_normal((2, *spectrum.shape))
    lines = np.sqrt(spectrum) * (phases[0] + 1j * phases[1])
    return standard(np.fft.irfft(lines, n=length, axis=1)[:, : frame.length])


def _process(frame: Frame) -> Floats:
    """A path, with a line, times another one, or as a logarithm, for some rows."""
    path = gaussian(frame)
    line = frame.time * frame.normal_column() * frame.choice([0, 3], [6, 4])
    return np.where(frame.chosen(0.2), exponential(0.5 * (path + line)), path + line)


def _product(frame: Frame) -> Floats:
    """The product of two paths: kernels multiplied."""
    return (gaussian(frame) + frame.column(0, 2)) * (gaussian(frame) * frame.column(0.2, 1) + frame.column(0, 2))


_SOURCE = "Rasmussen & Williams 2006; KernelSynth (Ansari et al. 2024); by spectra as Wood & Chan 1994"
PROCESS = Family("Gaussian process", 9.0, "sums of smooth and periodic kernels", _SOURCE, _process)
PRODUCT = Family("Gaussian product", 3.0, "products of such processes", _SOURCE, _product)
