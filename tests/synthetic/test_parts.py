"""The sums and filters that families are made of, each against its recursion as a textbook writes it."""

from __future__ import annotations

import numpy as np
import pytest

from gatewise.synthetic.families.smoothing import States, smoothed
from gatewise.synthetic.parts.filters import (
    autoregression,
    circle,
    fast_length,
    filtered,
    moving_levels,
    seasonal_sums,
)
from gatewise.synthetic.parts.scale import exponential, standard


def errors(rows: int = 3, length: int = 50) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, length))


def ets(states: States, error: np.ndarray, period: int, row: int) -> list[float]:
    """Hyndman, Koehler, Ord and Snyder 2008, table 2.2, ETS(A, Ad, A)."""
    alpha, beta, gamma, phi, b = (float(part[row, 0]) for part in list(vars(states).values())[:5])
    level, season, values = 0.0, list(states.season[row, :period]), []
    for e in error:
        s = season.pop(0)
        values.append(level + phi * b + s + e)
        level, b = level + phi * b + alpha * e, phi * b + beta * e
        season.append(s + gamma * e)
    return values


def test_exponential_smoothing_is_its_recursion() -> None:
    rng = np.random.default_rng(1)
    period = np.array([1, 4, 7])
    columns = [rng.uniform(0.1, 0.9, (3, 1)) for _ in range(5)]
    season = np.stack([np.resize(rng.normal(size=each), 50) for each in period])
    states = States(*columns, season)
    found = smoothed(states, errors(), period)
    expected = [ets(states, error, int(period[row]), row) for row, error in enumerate(errors())]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_levels_follow_their_recursion() -> None:
    keep = np.random.default_rng(2).uniform(0, 1, (3, 50))
    level, expected = np.zeros(3), []
    for step in range(50):
        level = keep[:, step] * level + errors()[:, step]
        expected.append(level)
    np.testing.assert_array_equal(moving_levels(errors(), keep), np.stack(expected, axis=1))


@pytest.mark.parametrize("season", [1, 4, 60])
def test_seasonal_sums(season) -> None:
    values = errors()
    expected = [[row[step % season : step + 1 : season].sum() for step in range(50)] for row in values]
    found = seasonal_sums(values, np.full(3, season))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_a_filter_by_its_spectrum_is_the_recursion_around_the_series() -> None:
    noise = errors(length=64)
    found = filtered(noise, 1 / (1 - 0.8 * circle(64) + 0.3 * circle(64) ** 2))
    again = found - 0.8 * np.roll(found, 1, axis=1) + 0.3 * np.roll(found, 2, axis=1)
    np.testing.assert_allclose(again, noise, rtol=1e-12, atol=1e-12)


def test_an_autoregression_keeps_the_variance() -> None:
    noise = np.random.default_rng(3).normal(size=(400, 512))
    found = autoregression(noise, np.full((400, 1), 0.9))
    assert found.std() == pytest.approx(1, abs=0.02)
    assert np.mean(found[:, 1:] * found[:, :-1]) == pytest.approx(0.9, abs=0.03)


def test_lengths_of_fast_transforms() -> None:
    assert [fast_length(length) for length in (1, 5, 7, 1000, 1024, 1281)] == [1, 5, 8, 1024, 1024, 1536]


def test_scales() -> None:
    found = standard(np.stack([np.arange(10.0), np.full(10, 7.0)]))
    np.testing.assert_allclose(found.std(axis=1), [1, 0])
    assert np.isfinite(exponential(np.array([[-1e9, 1e9]]))).all()
