"""Trends: slow courses of unit size, shape (B, T)."""

from __future__ import annotations

import numpy as np

from ..batch import Floats, Frame
from . import Part
from .scale import standard


def _none(frame: Frame) -> Floats:
    return np.zeros(frame.shape)


def _line(frame: Frame) -> Floats:
    return frame.time * frame.normal_column()


def _damped(frame: Frame) -> Floats:
    """A slope that fades, or, turned around in time, one that builds up."""
    rate = frame.log_column(1, 15)
    rising = (1 - np.exp(-rate * frame.time)) / (1 - np.exp(-rate))
    return np.where(frame.chosen(0.75), rising, rising[:, ::-1]) * frame.normal_column()


def _broken(frame: Frame) -> Floats:
    """Straight pieces that meet at one to four knots."""
    line = frame.time * frame.normal_column()
    for _ in range(4):
        after = np.maximum(frame.time - frame.column(0, 1), 0)
        line += after * frame.normal_column() * 1.5 * frame.chosen(0.6)
    return line


def _walk(frame: Frame) -> Floats:
    return np.cumsum(frame.normal(), axis=1) / np.sqrt(frame.length)


def _drifting_walk(frame: Frame) -> Floats:
    return _walk(frame) * frame.log_column(0.1, 1.5) + _line(frame)


def _smooth_walk(frame: Frame) -> Floats:
    """A slope that is a random walk, or that forgets."""
    slopes = np.cumsum(frame.normal(), axis=1)
    return standard(np.cumsum(slopes, axis=1)) * frame.log_column(0.2, 1)


def _shifts(frame: Frame) -> Floats:
    """One to three steps to another level."""
    level = np.zeros(frame.shape)
    for _ in range(3):
        level += (frame.time > frame.column(0, 1)) * frame.normal_column() * frame.chosen(0.6)
    return level


def _logistic(frame: Frame) -> Floats:
    slope = frame.log_column(4, 30)
    return frame.normal_column() / (1 + np.exp(-(frame.time - frame.column(-0.1, 1.1)) * slope))


def _exponential(frame: Frame) -> Floats:
    rate = frame.log_column(0.5, 5)
    grown = np.expm1(rate * frame.time) / np.expm1(rate)
    return np.where(frame.chosen(0.8), grown, grown[:, ::-1]) * np.abs(frame.normal_column())


def _cycle(frame: Frame) -> Floats:
    """A slow wave whose period and size wander, as of an economy."""
    period = frame.log_column(0.15, 2) * frame.length
    wobble = np.cumsum(frame.normal(), axis=1) * frame.log_column(0.02, 0.5) / np.sqrt(period)
    return np.sin(2 * np.pi * (frame.steps / period + frame.column(0, 1)) + wobble) * frame.log_column(0.2, 1)


TRENDS = (
    Part(2.0, _none),
    Part(2.0, _line),
    Part(1.5, _damped),
    Part(1.5, _broken),
    Part(2.0, _walk),
    Part(2.5, _drifting_walk),
    Part(0.7, _smooth_walk),
    Part(0.8, _shifts),
    Part(0.5, _logistic),
    Part(0.5, _exponential),
    Part(1.0, _cycle),
)
