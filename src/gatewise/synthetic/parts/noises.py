"""Noises: irregular, of about unit variance, shape (B, T)."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, Frame
from . import Part
from .filters import autoregression


def _white(frame: Frame) -> Floats:
    return frame.normal()


def _heavy(frame: Frame) -> Floats:
    return frame.rng.standard_t(3, frame.shape) / np.sqrt(3)


def _coloured(frame: Frame) -> Floats:
    """Autoregressive of order one, mostly positively."""
    return autoregression(frame.normal(), np.where(frame.chosen(0.85), frame.column(0.1, 0.97), frame.column(-0.7, 0)))


def _uneven(frame: Frame) -> Floats:
    """Of a variance that wanders."""
    wander = np.cumsum(frame.normal(), axis=1) / np.sqrt(frame.length)
    return frame.normal() * np.exp(0.7 * wander)


def _outlying(frame: Frame) -> Floats:
    """White, with a few values far out."""
    far = (frame.rng.random(frame.shape) < frame.log_column(0.003, 0.04)) * frame.normal() * frame.column(3, 12)
    return frame.normal() + far


NOISES = (Part(3.0, _white), Part(1.0, _heavy), Part(2.0, _coloured), Part(0.8, _uneven), Part(0.6, _outlying))


def noise(frame: Frame) -> Floats:
    """Any of these."""
    return frame.any_of(NOISES)
