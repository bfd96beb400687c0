"""No model forecasts below zero what was never below, nor outside the bounds that are asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.models.forecast.fakes import network, panel, setup

from gatewise.errors import InputError
from gatewise.models.forecast.bounds import Bounds, bounded, floors, outside
from gatewise.models.forecast.estimator import Forecaster
from gatewise.models.forecast.evaluation.backtest import compare
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS, field_of, forecast_all
from gatewise.models.forecast.history import Growth
from gatewise.models.forecast.model import Setup
from gatewise.models.forecast.network.settings import Settings
from gatewise.models.forecast.results import Quantiles
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


def quantiles(*rows: list[float]) -> Quantiles:
    """Of the probabilities .1, .5 and .9, one step of each series."""
    return Quantiles("M", (0.1, 0.5, 0.9), np.array(rows)[:, None])


@pytest.mark.parametrize(
    ("bounds", "wanted"),
    [
        (Bounds(), [0.0, 1.4, 7.5]),
        (Bounds(minimum=2), [2.0, 2.0, 7.5]),
        (Bounds(minimum=-1), [-1.0, 1.4, 7.5]),
        (Bounds(minimum=-9), [-2.5, 1.4, 7.5]),
        (Bounds(maximum=1), [0.0, 1.0, 1.0]),
        (Bounds(minimum=1, maximum=5), [1.0, 1.4, 5.0]),
        (Bounds(whole=True), [0.0, 1.0, 8.0]),
        (Bounds(minimum=-9, whole=True), [-3.0, 1.0, 8.0]),
        (Bounds(minimum=0.5, maximum=7.5, whole=True), [1.0, 1.0, 7.0]),
    ],
)
def test_forecasts_are_kept_within_what_is_asked_for(bounds: Bounds, wanted: list[float]) -> None:
    forecast = bounded(quantiles([-2.5, 1.4, 7.5]), np.array([0.0]), bounds)
    assert forecast.values[0, 0].tolist() == wanted
    assert not np.signbit(forecast.values[forecast.values == 0]).any()


def test_whole_numbers_are_the_nearest_in_the_middle_and_lie_outside_at_the_ends() -> None:
    generator = np.random.default_rng(0)
    raw = np.sort(generator.normal(scale=5, size=(50, 3)), axis=1)
    forecast = bounded(quantiles(*raw.tolist()), np.full(50, -np.inf), Bounds(whole=True)).values[:, 0]
    assert (forecast[:, 0] <= raw[:, 0]).all()
    assert (forecast[:, 2] >= raw[:, 2]).all()
    assert (abs(forecast[:, 1] - raw[:, 1]) <= 0.5).all()
    assert (np.diff(forecast, axis=1) >= 0).all()
    assert (forecast == forecast.round()).all()


def test_what_was_moved_is_said_once() -> None:
    forecast = quantiles([-2.5, 1.4, 7.5])
    for _ in range(2):
        forecast = bounded(forecast, np.array([-np.inf]), Bounds(minimum=0, maximum=5))
    assert forecast.notes == (
        "Forecasts below the minimum of 0 are raised to it.",
        "Forecasts above the maximum of 5 are lowered to it.",
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"minimum": "low"}, "`minimum` is 'low'"),
        ({"minimum": np.nan}, "`minimum` is nan"),
        ({"maximum": np.inf}, "`maximum` is inf"),
        ({"maximum": True}, "`maximum` is True"),
        ({"whole": 1}, "`whole` is 1"),
        ({"minimum": 5, "maximum": 4}, "no number from `minimum` 5 to `maximum` 4"),
        ({"minimum": 0.2, "maximum": 0.8, "whole": True}, "no whole number from `minimum` 0.2"),
    ],
)
def test_bounds_that_cannot_be_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Forecaster(6, model="naive", **arguments)


def test_the_backtest_the_forecast_and_a_saved_model_keep_the_bounds(tmp_path: Path, sales: Panel) -> None:
    asked = {"minimum": 3.5, "maximum": 20, "whole": True}
    forecaster = Forecaster(4, **asked).fit(sales.select([0]), windows=2)
    assert forecaster.backtest_ is not None
    for window in forecaster.backtest_.windows:
        for name, forecast in window.forecasts.items():
            assert forecast.values.min() >= 4, name
            assert forecast.values.max() <= 20, name
            assert (forecast.values == forecast.values.round()).all(), name
    forecast = forecaster.predict_quantiles()
    assert (forecast.values.min(), forecast.values.max()) >= (4, 4)
    forecaster.save(tmp_path / "m.safetensors")
    loaded = Forecaster.load(tmp_path / "m.safetensors")
    assert {name: getattr(loaded, name) for name in asked} == asked
    np.testing.assert_array_equal(loaded.predict_quantiles(sales.select([0])).values, forecast.values)


def test_observations_outside_the_bounds_are_noted(sales: Panel) -> None:
    lowest = np.sort(sales.values[0])
    notes = Forecaster(4, model="naive", minimum=lowest[2], maximum=lowest[-2]).fit(sales.select([0])).notes_
    words = f"2 observations lie below the minimum of {lowest[2]:g}, 1 observation lies above the maximum of"
    assert any(note.startswith(words) for note in notes)
    assert outside(sales, Bounds(minimum=-100, maximum=100)) == ()


def test_a_network_is_explained_within_the_bounds(sales: Panel) -> None:
    forecaster = Forecaster(6, model="pretrained", maximum=20, minimum=5).fit(sales.select([0]))
    subject = forecaster.subject(step=2)
    assert subject.chart is not None
    np.testing.assert_array_equal(subject.chart.median, forecaster.predict_quantiles().median[0])
    assert all(5 <= prediction.value <= 20 for prediction in subject.predictions)
