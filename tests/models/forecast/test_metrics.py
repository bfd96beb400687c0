"""Metrics against figures worked out by hand, and against utilsforecast."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from tests.tolerance import ROUNDING, SAMPLED
from utilsforecast import losses

from gatewise.models.forecast import metrics

ACTUAL = np.array([[3.0, 5.0], [10.0, 8.0]])
FORECAST = np.array([[2.0, 7.0], [10.0, 4.0]])


def near(expected: object) -> object:
    return pytest.approx(expected, rel=ROUNDING)  # type: ignore[arg-type]


def test_seasonal_scale_by_hand():
    # |4 - 1|, |4 - 2|, |9 - 4| over two steps
    assert metrics.seasonal_scale(np.array([1.0, 2.0, 4.0, 4.0, 9.0]), 2) == near((3 + 2 + 5) / 3)


@pytest.mark.parametrize(
    ("values", "season"),
    [([5.0] * 9, 1), ([1.0, 2.0] * 5, 2), ([1.0, 2.0], 2), ([0.0] * 4, 1), ([0.1 + 0.2, 0.3] * 3, 1)],
    ids=["constant", "periodic", "as long as a season", "zero", "rounding only"],
)
def test_no_scale_where_nothing_changes(values: list[float], season: int):
    assert math.isnan(metrics.seasonal_scale(np.array(values), season))


def test_mase_by_hand():
    assert metrics.mase(ACTUAL, FORECAST, np.array([2.0, 4.0])) == near([1.5 / 2, 2 / 4])


def test_mase_without_a_scale_is_nan():
    result = metrics.mase(ACTUAL, FORECAST, np.array([2.0, math.nan]))
    assert np.isnan(result).tolist() == [False, True]
    assert math.isnan(metrics.mean(result))
    assert math.isnan(metrics.mean(np.array([])))


def test_smape_by_hand():
    assert metrics.smape(ACTUAL, FORECAST) == near([100 * (1 / 5 + 2 / 12), 100 * (0 + 4 / 12)])


def test_smape_of_zero_for_zero_is_zero():
    assert metrics.smape(np.zeros((1, 2)), np.array([[0.0, 3.0]])) == near([100.0])


def test_msis_by_hand():
    low, high = np.array([[9.0, 9.0, 9.0]]), np.array([[11.0, 12.0, 11.0]])
    # widths 2, 3, 2; outside by 0, 1.5 below, 1 above; 2 / .05 = 40
    actual = np.array([[10.0, 7.5, 12.0]])
    assert metrics.msis(actual, low, high, 95, np.array([2.0])) == near([(2 + 3 + 2 + 40 * 2.5) / 3 / 2])


def test_what_was_not_observed_counts_nowhere():
    actual = np.array([[3.0, math.nan], [math.nan, math.nan]])
    scale = np.array([2.0, 4.0])
    low, high = FORECAST - 1, FORECAST + 1
    for figures in (
        metrics.mase(actual, FORECAST, scale),
        metrics.smape(actual, FORECAST),
        metrics.msis(actual, low, high, 80, scale),
    ):
        assert np.isfinite(figures).tolist() == [True, False]
    alone = ACTUAL[:1, :1], FORECAST[:1, :1]
    assert metrics.mase(actual, FORECAST, scale)[0] == near(metrics.mase(*alone, scale[:1])[0])
    assert metrics.wql(actual, FORECAST[..., None], (0.5,)) == near(metrics.wql(alone[0], alone[1][..., None], (0.5,)))
    assert metrics.coverage(actual, low, high) == 100
    assert np.isnan(metrics.inside(actual, low, high)).tolist() == [[False, True], [True, True]]


def test_a_forecast_that_is_no_number_is_not_passed_over():
    lost = np.array([[2.0, math.nan], [10.0, 4.0]])
    assert np.isnan(metrics.mase(ACTUAL, lost, np.ones(2))).tolist() == [True, False]
    assert math.isnan(metrics.wql(ACTUAL, lost[..., None], (0.5,)))


def test_a_perfect_forecast_of_a_normal_variable_has_the_figures_that_theory_gives():
    actual = np.random.default_rng(0).normal(10, 1, (1, 1_000_000))
    levels = (0.025, 0.1, 0.5, 0.9, 0.975)
    quantiles = np.broadcast_to(norm.ppf(levels, 10, 1), (*actual.shape, 5))
    # The pinball loss of the right quantile z of N(0, 1) is its density there, and the interval score of level
    # 1 - a is 4 / a times that of z(1 - a / 2).
    expected = 2 * norm.pdf(norm.ppf(levels)).mean() / 10
    assert expected == pytest.approx(0.0347, abs=5e-5)
    assert metrics.wql(actual, quantiles, levels) == pytest.approx(expected, rel=SAMPLED)
    scored = metrics.msis(actual, quantiles[..., 0], quantiles[..., 4], 95, np.ones(1))[0]
    assert scored == pytest.approx(4 / 0.05 * norm.pdf(norm.ppf(0.975)), rel=SAMPLED)
    assert metrics.coverage(actual, quantiles[..., 1], quantiles[..., 3]) == pytest.approx(80, rel=SAMPLED)


def test_wql_by_hand():
    quantiles = np.array([[[8.0, 11.0, 13.0]]])
    # error 2, -1, -3 at 0.1, 0.5, 0.9: pinball 0.2, 0.5, 0.3
    assert metrics.wql(np.array([[10.0]]), quantiles, (0.1, 0.5, 0.9)) == near(2 * (1.0 / 3) / 10)


def test_wql_of_the_median_alone_is_the_relative_absolute_error():
    assert metrics.wql(ACTUAL, FORECAST[..., None], (0.5,)) == near(7 / 26)


def test_wql_of_zeros_is_nan():
    assert math.isnan(metrics.wql(np.zeros((1, 2)), np.ones((1, 2, 1)), (0.5,)))


def test_coverage_counts_bounds_as_inside():
    assert metrics.coverage(ACTUAL, ACTUAL, ACTUAL + 1) == 100
    assert metrics.coverage(ACTUAL, ACTUAL + 0.5, ACTUAL + 1) == 0
    assert metrics.coverage(ACTUAL, np.full((2, 2), 4.0), np.full((2, 2), 8.0)) == 50


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_agrees_with_utilsforecast(seed: int, season: int):
    rng = np.random.default_rng(seed)
    past, actual = rng.normal(size=9), rng.normal(size=(1, 5))
    levels = np.array([0.1, 0.5, 0.9])
    quantiles = np.sort(rng.normal(size=(1, 5, 3)), axis=-1)
    said = {"unique_id": ["a"] * 5, "ds": range(9, 14), "y": actual[0]}
    table = pd.DataFrame(said | {name: quantiles[0, :, at] for at, name in enumerate(("low", "middle", "high"))})
    train = pd.DataFrame({"unique_id": ["a"] * 9, "ds": range(9), "y": past})
    models = {"middle": ["low", "middle", "high"]}

    scale = np.array([metrics.seasonal_scale(past, season)])
    middle = quantiles[..., 1]
    expected = losses.mase(table, ["middle"], season, train)["middle"]
    assert metrics.mase(actual, middle, scale) == near(expected.to_numpy())
    assert metrics.smape(actual, middle) == near(200 * losses.smape(table, ["middle"])["middle"].to_numpy())
    expected = losses.scaled_crps(table, models, levels)["middle"][0]
    assert metrics.wql(actual, quantiles, tuple(levels)) == near(expected)
    table = table.rename(columns={"low": "middle-lo-80", "high": "middle-hi-80"})
    expected = 100 * losses.coverage(table, ["middle"], 80)["middle"][0]
    assert metrics.coverage(actual, quantiles[..., 0], quantiles[..., 2]) == near(expected)
