"""Growth that saturates, and growth that does not."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, Frame
from ..parts import Part
from ..parts.noises import noise
from ..parts.seasons import seasonal
from .family import Family


def _logistic(frame: Frame) -> Floats:
    return 1 / (1 + np.exp(-(frame.time - frame.column(0.1, 1.3)) * frame.log_column(3, 20)))


def _gompertz(frame: Frame) -> Floats:
    return np.exp(-frame.log_column(0.5, 10) * np.exp(-frame.log_column(1, 12) * frame.time))


def _exponential(frame: Frame) -> Floats:
    return np.exp(frame.time * frame.log_column(0.2, 6) * np.where(frame.chosen(0.8), 1, -1))


def _bass(frame: Frame) -> Floats:
    """Sales of something new: adopters who imitate (Bass 1969), as a rate."""
    own, others = frame.log_column(0.1, 1), frame.log_column(2, 25)
    time = frame.time * frame.column(0.5, 1.5)
    fade = np.exp(-(own + others) * time)
    return (own + others) ** 2 / own * fade / (1 + others / own * fade) ** 2


def _power(frame: Frame) -> Floats:
    return (frame.time + 0.02) ** frame.log_column(0.3, 4)


_COURSES = (Part(2.0, _logistic), Part(1.0, _gompertz), Part(2.0, _exponential), Part(1.0, _bass), Part(1.0, _power))


def _growth(frame: Frame) -> Floats:
    course = frame.any_of(_COURSES)
    course = course / (course.max(axis=1, keepdims=True) + 1e-12) + frame.column(0, 0.5)
    waves = seasonal(frame, frame.season) * frame.log_column(0.01, 0.3) * frame.chosen(0.6)
    errors = noise(frame) * frame.log_column(0.001, 0.1)
    return np.where(frame.chosen(0.7), course * np.maximum(1 + waves + errors, 0.01), course + 0.3 * (waves + errors))


GROWTH = Family(
    "growth",
    4.0,
    "logistic, Gompertz, Bass, exponential and power curves",
    "Verhulst 1838; Gompertz 1825; Bass 1969",
    _growth,
)
