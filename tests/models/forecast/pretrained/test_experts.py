"""The naive experts against formulas typed here, and what all of them owe."""

from __future__ import annotations

import numpy as np
import pytest
from tests.tolerance import ROUNDING

from gatewise.models.forecast.pretrained.experts import EXPERTS, Series, forecasts
from gatewise.models.forecast.pretrained.tokens import centred
from gatewise.tables.panel import Floats

LENGTH, SEASON, SECOND, HORIZON = 120, 6, 18, 20
AHEAD = np.arange(1, HORIZON + 1)[None, None]


def drawn(seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.normal(size=LENGTH)) + 3 * np.sin(np.arange(LENGTH))


def of(values: Floats, season: int = SEASON, second: int = SECOND, origin: int = LENGTH) -> dict[str, Floats]:
    """Every expert's forecast of one series."""
    series, first = centred(values[None], season, second)
    found = forecasts(series, np.array([[origin]]), AHEAD)[:, 0, 0] + first
    return dict(zip(EXPERTS, found, strict=True))


def season_before(values: Floats, season: int) -> Floats:
    return np.resize(values[-season:], HORIZON)


def typed(values: Floats) -> dict[str, Floats]:
    """Some of them as a textbook writes them."""
    ahead = np.arange(1, HORIZON + 1)
    seasons = values.reshape(-1, SEASON)
    later = 1 + (ahead - 1) // SEASON
    rise = seasons[-1].mean() - seasons[-2].mean()
    return {
        "last value": np.full(HORIZON, values[-1]),
        "season before": season_before(values, SEASON),
        "two seasons before": season_before(values[:-SEASON], SEASON),
        "mean of four seasons": season_before(seasons[-4:].mean(axis=0), SEASON),
        "mean of twelve seasons": season_before(seasons[-12:].mean(axis=0), SEASON),
        "season before and its drift": season_before(values, SEASON) + later * rise,
        "season before on the last value": season_before(values, SEASON) + values[-1] - values[-1 - SEASON],
        "smoothed seasons": season_before((seasons[-1] + seasons[-2]) / 2, SEASON),
        "drift": values[-1] + (values[-1] - values[0]) / (LENGTH - 1) * ahead,
        "lowest value": np.full(HORIZON, values.min()),
        "second season before": season_before(values, SECOND),
        "second season before on this level": season_before(values, SECOND)
        + values[-SEASON:].mean()
        - values[-SEASON - SECOND : -SECOND].mean(),
    }


@pytest.mark.parametrize("name", typed(drawn()))
def test_an_expert_says_what_a_textbook_says(name):
    np.testing.assert_allclose(of(drawn())[name], typed(drawn())[name], rtol=ROUNDING, atol=ROUNDING)


def test_simple_smoothing_is_the_recursion():
    values = drawn()
    level = values[0]
    for value in values:
        level += 0.3 * (value - level)
    np.testing.assert_allclose(of(values, season=1, second=1)["season on a level"], level, rtol=ROUNDING)


def test_experts_see_nothing_of_what_comes():
    values = drawn()
    changed = values.copy()
    changed[100:] += 50
    for name, found in of(values, origin=100).items():
        np.testing.assert_array_equal(found, of(changed, origin=100)[name], err_msg=name)


@pytest.mark.parametrize("season", [1, SEASON])
def test_every_expert_is_the_same_in_another_unit(season):
    values = drawn()
    for name, found in of(values, season).items():
        other = of(values * 8 + 64, season)[name]
        np.testing.assert_allclose(other, found * 8 + 64, rtol=1e3 * ROUNDING, err_msg=name)


@pytest.mark.parametrize("name", ["drift", "long line", "short line", "growth", "season on a trend"])
def test_a_line_with_a_season_goes_on(name):
    time = np.arange(LENGTH + HORIZON)
    values = 2.0 * time + (0 if name == "drift" else np.resize([5.0, 0, -5, 3, 1, -4], LENGTH + HORIZON))
    found = of(values[:LENGTH])[name]
    np.testing.assert_allclose(found, values[LENGTH:], atol=0.5 if name == "season on a trend" else 1e-5)


def test_an_exponential_goes_on():
    values = 3 * 1.05 ** np.arange(LENGTH + HORIZON)
    found = of(values[:LENGTH], season=1, second=1)
    np.testing.assert_allclose(found["growth"], values[LENGTH:], rtol=1e-6)


def test_a_constant_stays_one():
    for name, found in of(np.full(LENGTH, 0.1)).items():
        np.testing.assert_array_equal(found, 0.1, err_msg=name)


def test_missing_values_are_left_out():
    values = drawn()
    values[[30, 31, 77, -SEASON]] = np.nan
    found = of(values)
    assert np.isfinite(np.stack(list(found.values()))).all()
    assert found["season before"][0] == values[-2 * SEASON]


def test_without_a_second_season_its_experts_are_silent():
    found = forecasts(Series(drawn()[None], SEASON), np.array([[LENGTH]]), AHEAD)
    silent = [name for name, one in zip(EXPERTS, found, strict=True) if np.isnan(one).all()]
    assert silent == [name for name in EXPERTS if "second season" in name]
