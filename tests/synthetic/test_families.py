"""Each family draws what it says: its statistics over many series, far from what another would give."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gatewise.synthetic import FAMILIES, PROFILES, Frame

ROWS, LENGTH = 200, 480
every_family = pytest.mark.parametrize("name", FAMILIES)


def drawn(name: str, season: int = 12, second: int = 1, rows: int = ROWS, length: int = LENGTH) -> np.ndarray:
    one = np.ones(rows, np.int64)
    return FAMILIES[name].make(Frame(np.random.default_rng(0), length, season * one, second * one))


def correlation(values: np.ndarray, lag: int) -> np.ndarray:
    """Of each row with itself so many steps before, shape (rows,)."""
    centred = values - values.mean(axis=1, keepdims=True)
    product = (centred[:, lag:] * centred[:, :-lag]).mean(axis=1)
    return product / np.maximum((centred**2).mean(axis=1), 1e-300)


@every_family
def test_the_same_seed_gives_the_same_bits(name) -> None:
    assert drawn(name, rows=8).tobytes() == drawn(name, rows=8).tobytes()


@every_family
@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_series_are_finite_in_float32_and_most_move(name, profile) -> None:
    rng = np.random.default_rng(1)
    season, second = profile.draw(rng, 12)
    values = FAMILIES[name].make(Frame(rng, profile.length, season, second))
    assert values.shape == (12, profile.length)
    assert np.isfinite(values.astype(np.float32)).all()
    assert (np.ptp(values, axis=1) > 0).mean() >= 0.5
    assert not FAMILIES[name].anchored or (values >= 0).all()


@every_family
def test_one_row_of_few_steps_is_no_special_case(name) -> None:
    assert np.isfinite(drawn(name, season=1, rows=1, length=5)).all()


def changes(values: np.ndarray) -> np.ndarray:
    return np.diff(np.where((values > 0).all(axis=1, keepdims=True), np.log(np.maximum(values, 1e-300)), values))


def seasonality(values: np.ndarray) -> float:
    """How much more the changes are like those a season before than like those half a season before."""
    steps = np.diff(values)
    return float(np.mean(correlation(steps, 12) - correlation(steps, 6)))


def is_whole(values: np.ndarray) -> float:
    return float((values == np.round(values)).mean())


# family: (what is measured, its least and its greatest value)
STATISTICS: dict[str, tuple[Callable[[np.ndarray], float], float, float]] = {
    "sum": (seasonality, 0.3, 1.2),
    "product": (seasonality, 0.3, 1.2),
    "season in a season": (seasonality, 0.3, 1.2),
    "exponential smoothing": (lambda values: np.median(correlation(values, 1)), 0.8, 1),
    "theta": (seasonality, 0.3, 1.2),
    "business": (lambda values: np.median(values[:, -48:].mean(axis=1) / values[:, :48].mean(axis=1)), 1.2, 20),
    "rates": (lambda values: np.median(np.abs(values[:, -48:].mean(axis=1) - values[:, :48].mean(axis=1))), 0.1, 2.5),
    "SARIMA": (lambda values: np.abs(values.std(axis=1) - 1).max(), 0, 1e-6),
    "SARIMA twice": (seasonality, 0.1, 1.2),
    "SARIMA noised": (is_whole, 0.25, 0.55),
    "Gaussian process": (lambda values: np.median(values.std(axis=1)), 0.8, 2),
    "Gaussian product": (lambda values: np.median(np.abs(correlation(values, 1))), 0.2, 1),
    "random walk": (lambda values: np.abs(np.mean(correlation(changes(values), 1))), 0, 0.02),
    "momentum": (lambda values: np.median(correlation(changes(values), 1)), 0.1, 0.8),
    "regimes": (lambda values: np.median(correlation(values, 1)), 0.5, 1),
    "volatility": (lambda values: np.mean(correlation(np.abs(changes(values)), 1)), 0.03, 0.5),
    "rare demand": (lambda values: (values == 0).mean(), 0.5, 0.95),
    "counts": (is_whole, 1, 1),
    "load": (seasonality, 0.2, 1.2),
    "sun": (lambda values: (values == 0).mean(), 0.2, 0.7),
    "days": (lambda values: np.median(values.std(axis=1) / values.mean(axis=1)), 0.1, 1.5),
    "growth": (lambda values: np.median(np.abs(values[:, -1] - values[:, 0]) / np.ptp(values, axis=1)), 0.5, 1),
    "shapes": (lambda values: np.median(values[:, :240].std(axis=1) / values[:, 240:].std(axis=1)), 0.8, 1.25),
    "chaos": (lambda values: np.mean(np.abs(values) > 6), 0, 0.01),
}


@every_family
def test_statistics(name) -> None:
    measure, least, greatest = STATISTICS[name]
    assert least <= measure(drawn(name)) <= greatest


def test_loads_have_a_week_inside() -> None:
    values = drawn("load", 24, 168, rows=60, length=1344)
    assert np.mean(correlation(values, 168) - correlation(values, 96)) > 0.05


def test_the_variance_of_a_walk_grows_with_time() -> None:
    steps = changes(drawn("random walk", rows=2000, length=120))
    steps = steps / steps.std(axis=1, keepdims=True)
    sums = np.cumsum(steps, axis=1)
    assert sums[:, 99].var() / sums[:, 24].var() == pytest.approx(4, rel=0.5)


def test_seasons_have_unit_variance() -> None:
    from gatewise.synthetic.parts.seasons import pattern

    season = np.array([2, 4, 12, 365] * 20)
    one = pattern(Frame(np.random.default_rng(0), 10, season, season), season)
    for row, length in zip(one, season, strict=True):
        assert row[:length].std() == pytest.approx(1)
        assert not row[length:].any()
