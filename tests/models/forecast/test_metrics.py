"""Metrics against figures worked out by hand, and against utilsforecast."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tolerance import ROUNDING
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


def test_scaled_crps_by_hand():
    quantiles = np.array([[[8.0, 11.0, 13.0]]])
    # error 2, -1, -3 at 0.1, 0.5, 0.9: pinball 0.2, 0.5, 0.3
    assert metrics.scaled_crps(np.array([[10.0]]), quantiles, (0.1, 0.5, 0.9)) == near(2 * (1.0 / 3) / 10)


def test_scaled_crps_of_the_median_alone_is_the_relative_absolute_error():
    assert metrics.scaled_crps(ACTUAL, FORECAST[..., None], (0.5,)) == near(7 / 26)


def test_scaled_crps_of_zeros_is_nan():
    assert math.isnan(metrics.scaled_crps(np.zeros((1, 2)), np.ones((1, 2, 1)), (0.5,)))


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
    assert metrics.scaled_crps(actual, quantiles, tuple(levels)) == near(expected)
    table = table.rename(columns={"low": "middle-lo-80", "high": "middle-hi-80"})
    expected = 100 * losses.coverage(table, ["middle"], 80)["middle"][0]
    assert metrics.coverage(actual, quantiles[..., 0], quantiles[..., 2]) == near(expected)
