"""Deterministic chaos, from long runs of a few systems."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from ..batch import Floats, Frame
from ..parts.scale import standard
from .family import Family

_RUNS, _STEPS, _TRANSIENT = 48, 2400, 300


def _lorenz(state: Floats) -> Floats:
    x, y, z = state
    return np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])


def _roessler(state: Floats) -> Floats:
    x, y, z = state
    return np.stack([-y - z, x + 0.2 * y, 0.2 + z * (x - 5.7)])


def _halvorsen(state: Floats) -> Floats:
    x, y, z = state
    a = 1.4
    return np.stack([-a * x - 4 * y - 4 * z - y * y, -a * y - 4 * z - 4 * x - z * z, -a * z - 4 * x - 4 * y - x * x])


# The right-hand side, and the step of the integration.
_FLOWS: tuple[tuple[Callable[[Floats], Floats], float], ...] = ((_lorenz, 0.02), (_roessler, 0.1), (_halvorsen, 0.02))


def _runge_kutta(flow: Callable[[Floats], Floats], state: Floats, step: float) -> Floats:
    one = flow(state)
    two = flow(state + step / 2 * one)
    three = flow(state + step / 2 * two)
    four = flow(state + step * three)
    return state + step / 6 * (one + 2 * two + 2 * three + four)


def _course(advance: Callable[[Floats], Floats], state: Floats) -> Floats:
    """Every coordinate of every run as a row of unit variance, shape (coordinates x runs, steps)."""
    states = np.empty((_STEPS, *state.shape))
    for step in range(-_TRANSIENT, _STEPS):
        state = advance(state)
        if step >= 0:
            states[step] = state
    return standard(states.reshape(_STEPS, -1).T)


def _logistic(state: Floats) -> Floats:
    return np.linspace(3.57, 3.99, _RUNS) * state * (1 - state)


def _henon(state: Floats) -> Floats:
    return np.stack([1 - 1.4 * state[0] ** 2 + state[1], 0.3 * state[0]])


@cache
def _courses() -> tuple[Floats, Floats]:
    """Long runs of all systems, flows and maps apart; made once, always the same."""
    rng = np.random.default_rng(1963)
    flows = [
        _course(lambda state, flow=flow, step=step: _runge_kutta(flow, state, step), rng.normal(size=(3, _RUNS)))
        for flow, step in _FLOWS
    ]
    maps = [_course(_logistic, rng.uniform(0.2, 0.8, _RUNS)), _course(_henon, rng.uniform(-0.1, 0.1, (2, _RUNS)))]
    return np.concatenate(flows), np.concatenate(maps)


def _pieces(frame: Frame, courses: Floats, stretch: Floats) -> Floats:
    """A piece of any run for each row, every step of it ``stretch`` steps of the run, shape (B, 1)."""
    latest = courses.shape[1] - 2 - stretch * frame.length
    place = frame.column(0, 1) * np.maximum(latest, 0) + frame.steps * stretch
    place = np.minimum(place, courses.shape[1] - 2.001)
    before = place.astype(np.int64)
    run = frame.rng.integers(0, len(courses), (frame.rows, 1))
    share = place - before
    return (1 - share) * courses[run, before] + share * courses[run, before + 1]


def _chaos(frame: Frame) -> Floats:
    flows, maps = _courses()
    fastest = min(4.0, (flows.shape[1] - 10) / frame.length)
    flowing = _pieces(frame, flows, frame.log_column(0.25, fastest))
    values = np.where(frame.chosen(0.8), flowing, _pieces(frame, maps, np.ones((frame.rows, 1))))
    return values + frame.normal() * frame.choice([0, 0.03, 0.1], [4, 3, 3])


CHAOS = Family(
    "chaos",
    3.0,
    "Lorenz, Rössler and Halvorsen flows, logistic and Hénon maps",
    "Lorenz 1963; Rössler 1976; Hénon 1976; as in DynaMix (2025)",
    _chaos,
)
