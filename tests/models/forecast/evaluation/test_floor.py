"""The floor: no model forecasts below zero what was never below, in a forecast or in the backtest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.forecast.fakes import network, panel, setup

from gatewise.models.forecast.estimator import Forecaster
from gatewise.models.forecast.evaluation.backtest import compare
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS, field_of, forecast_all
from gatewise.models.forecast.evaluation.floor import floors
from gatewise.models.forecast.history import Growth
from gatewise.models.forecast.model import Setup
from gatewise.models.forecast.network.settings import Settings
from gatewise.tables.panel import Panel

ALL = {**field_of(None, Setup(6, 1, (0.5,))), "lstm": network(bias=-50)}
BELOW = [word for word in ALL if word not in ("croston_sba", "tsb", "adida", "pool", "direct")]
"""Those that would forecast it; demand has a share of zeros, a pool is of forecasts that are raised, and what is
regressed directly needs longer series."""
NOTE = "Where no observation is below zero, {}'s forecasts below zero are raised to zero."


def dwindling(length: int = 48) -> np.ndarray:
    """Sales that fall towards zero, with a season and some unrest."""
    t = np.arange(length)
    rest = np.random.default_rng(3).uniform(0, 6, length)
    return np.maximum(0.0, 60 - 1.25 * t + np.array([0, 5, 1, 8])[t % 4] - rest).round()


@pytest.fixture
def sales() -> Panel:
    """Sales, and the same series lower by so much that it falls below zero."""
    return panel(dwindling(), dwindling() - 30)


@pytest.mark.parametrize("word", BELOW)
def test_no_model_forecasts_below_zero_what_never_was(word: str, sales: Panel) -> None:
    model = ALL[word].make(setup())
    raw, forecast = model.predict(sales), forecast_all(model, sales, setup())
    assert raw.values[0].min() < 0, "the model would have to be raised"
    assert forecast.values[0].min() == 0
    np.testing.assert_array_equal(forecast.values[0], np.maximum(raw.values[0], 0))
    np.testing.assert_array_equal(forecast.values[1], raw.values[1])
    assert forecast.notes == (*raw.notes, NOTE.format(model.name))


def test_nothing_is_said_where_nothing_is_raised(sales: Panel) -> None:
    model = CONTESTANTS["naive"].make(setup())
    assert not forecast_all(model, sales.select([1]), setup()).notes
    assert not forecast_all(model, panel(dwindling() + 1000), setup()).notes


def test_a_stand_in_for_a_short_series_has_the_same_floor() -> None:
    short = panel([9.0, 0.0, 5.0, 1.0, 8.0])
    forecast = forecast_all(network().make(setup()), short, setup())
    assert forecast.values.min() == 0
    assert NOTE.format("LSTM") in forecast.notes


def test_the_backtest_scores_what_would_be_forecast(sales: Panel) -> None:
    result = compare(sales, setup(), windows=2, step=4, contestants=ALL)
    taking_part = {word: one for word, one in ALL.items() if one.name in result.windows[0].forecasts}
    for word, contestant in taking_part.items():
        if contestant.costly or contestant.pools:  # another form may be found in another history
            assert all(window.forecasts[contestant.name].values[0].min() >= 0 for window in result.windows)
            continue
        for steps, window in zip((8, 4), result.windows, strict=True):
            history = sales.without_last(steps)
            np.testing.assert_array_equal(
                window.forecasts[contestant.name].values, forecast_all(ALL[word].make(setup()), history, setup()).values
            )
    assert result.notes.count(NOTE.format("AutoTheta")) == 1


def test_growing_series_keep_their_floors() -> None:
    growth = Growth(panel([1.0, 0.0, 2.0], [3.0, 1.0, 2.0], [-1.0, 0.0, 1.0]), CONTESTANTS["naive"].make(setup()))
    for more in ([[0.0], [-1.0], [5.0]], [[4.0], [7.0], [5.0]]):
        new = panel(*more)
        grown = growth.extend(Panel(new.ids, tuple(growth.panel.future(1)), new.values, new.frequency, new.season))
        np.testing.assert_array_equal(growth.floors, floors(grown))
    assert growth.floors.tolist() == [0.0, -np.inf, -np.inf]


@pytest.mark.parametrize("normalisation", ["window", "causal"])
def test_the_lstm_forecasts_and_is_explained_above_the_floor(
    normalisation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = np.random.default_rng(0).poisson(0.3, size=100).astype(float)
    of = Settings.of
    monkeypatch.setattr(Settings, "of", lambda *sizes: replace(of(*sizes), steps=10))
    forecaster = Forecaster(6, model="lstm", normalisation=normalisation).fit(panel(counts))
    forecast = forecaster.predict_quantiles()
    assert forecaster.model_.predict(panel(counts)).values.min() < 0
    assert forecast.values.min() == 0
    assert NOTE.format("LSTM") in forecast.notes
    if normalisation == "window":
        subject = forecaster.subject()
        assert min(prediction.value for prediction in subject.predictions) >= 0
        assert subject.chart is not None
        np.testing.assert_array_equal(subject.chart.median, forecast.median[0])
