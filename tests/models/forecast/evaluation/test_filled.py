"""Values that were filled in: a history is filled from its own past alone, and what was made is never scored."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from tests.models.forecast.fakes import climbing, network, panel, setup

from gatewise.models.forecast.evaluation.backtest import compare
from gatewise.models.forecast.evaluation.contestants import field_of
from gatewise.models.forecast.metrics import seasonal_scale
from gatewise.models.forecast.model import Setup
from gatewise.tables.options import Fill, ReadOptions
from gatewise.tables.panel import Panel
from gatewise.tables.panels import panel_from_frame

FILLS = [fill for fill in get_args(Fill) if fill != "none"]
ALL = {**field_of(None, Setup(6, 1, (0.5,))), "lstm": network()}
GAPS = [7, *range(46, 54), 57]  # one of them across the cutoff before the last 10


def gappy(values: np.ndarray, fill: Fill) -> Panel:
    """The panel of a table that lacks some rows."""
    days = pd.date_range("2024-01-01", periods=len(values))
    frame = pd.DataFrame({"ds": days, "y": values}).drop(GAPS)
    return panel_from_frame(frame, ReadOptions(fill=fill, season=4))


@pytest.mark.parametrize("fill", FILLS)
def test_a_panel_marks_what_was_made(fill: Fill):
    series = gappy(climbing(60), fill)
    assert np.flatnonzero(series.made[0]).tolist() == GAPS
    assert series.fill == fill
    assert np.flatnonzero(np.isnan(series.observed[0])).tolist() == GAPS
    assert np.flatnonzero(series.select([0]).made[0]).tolist() == GAPS


@pytest.mark.parametrize("steps", range(1, 16))
@pytest.mark.parametrize("fill", FILLS)
def test_a_history_is_filled_as_it_would_have_been_then(fill: Fill, steps: int):
    values = climbing(60)
    changed = np.concatenate((values[: 60 - steps], values[60 - steps :] + 1000))
    past, other = (gappy(one, fill).without_last(steps) for one in (values, changed))
    np.testing.assert_array_equal(past.values[0], other.values[0])
    np.testing.assert_array_equal(past.made[0], other.made[0])
    if fill != "zero" and 60 - steps in range(47, 55):
        assert past.values[0][-1] == values[45]


@pytest.mark.parametrize("fill", FILLS)
def test_no_value_after_a_cutoff_changes_a_forecast_made_there(fill: Fill):
    values = climbing(60)
    changed = np.concatenate((values[:50], values[50:] + 1000))
    before, after = (
        compare(gappy(one, fill), setup(horizon=5), windows=2, step=5, contestants=ALL).windows
        for one in (values, changed)
    )
    for model, forecast in before[0].forecasts.items():
        np.testing.assert_array_equal(forecast.values, after[0].forecasts[model].values)
    assert before[0].insample_scale == after[0].insample_scale


@pytest.mark.parametrize("fill", FILLS)
def test_what_was_made_is_not_scored(fill: Fill):
    first, second = compare(gappy(climbing(60), fill), setup(horizon=5), windows=2, step=5, contestants=ALL).windows
    assert np.flatnonzero(np.isnan(first.actual[0])).tolist() == [0, 1, 2, 3]
    assert np.flatnonzero(np.isnan(second.actual[0])).tolist() == [2]
    assert (first.steps_back, second.steps_back) == (10, 5)


def test_the_scale_rests_on_observations_only():
    observed = np.array([1.0, 5.0, np.nan, 4.0, 4.5])
    assert seasonal_scale(observed, 1) == (4 + 0.5) / 2
    assert seasonal_scale(observed, 2) == 1.0
    assert np.isnan(seasonal_scale(observed, 5))


def test_nothing_is_made_by_default():
    series = panel(climbing(9), climbing(5))
    assert [made.any() for made in series.made] == [False, False]
    assert [len(made) for made in replace(series, season=2).made] == [9, 5]
