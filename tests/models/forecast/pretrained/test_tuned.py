"""The network tuned to a panel: better on it or as it was, and the same after a file."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from tests.models.forecast.fakes import panel, setup

from gatewise.errors import InputError
from gatewise.forecast import Forecaster
from gatewise.models.forecast.evaluation.contestants import field_of
from gatewise.models.forecast.pretrained.model import PretrainedModel
from gatewise.models.forecast.pretrained.tuned import Lessons, TunedModel
from gatewise.tables.panel import Panel


@cache
def waves() -> Panel:
    rng = np.random.default_rng(0)
    time = np.arange(90)
    return panel(*(10 * np.sin(time * np.pi / 3 + phase) + rng.normal(size=90) for phase in range(4)), season=6)


@cache
def tuned() -> TunedModel:
    model = TunedModel(setup(6, 6, budget=0.5))
    model.fit(waves())
    return model


def test_it_forecasts_and_is_the_same_after_a_file():
    again = TunedModel.restored(setup(6, 6), *tuned().state())
    found = tuned().predict(waves()).values
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(again.predict(waves()).values, found)


def test_it_keeps_how_the_intervals_of_what_it_tuned_are_stretched(monkeypatch):
    monkeypatch.setattr("gatewise.models.forecast.pretrained.tuned.pretrained_reach", lambda: (1.0, 1.0, 1.0, 1.0, 3.0))
    model = TunedModel(setup(6, 6, budget=0.1))
    model.fit(panel([1.0, 2, 3, 2, 1, 2, 3, 4], season=6))
    found = model.predict(waves()).values
    monkeypatch.undo()
    again = TunedModel.restored(setup(6, 6), *model.state())
    np.testing.assert_array_equal(again.predict(waves()).values, found)
    assert (found != TunedModel.restored(setup(6, 6), model.state()[0], {}).predict(waves()).values).any()


def test_where_it_does_not_pay_the_network_stays_as_it_was(monkeypatch):
    monkeypatch.setattr(Lessons, "score", lambda lessons, learner: 1.0)
    model = TunedModel(setup(6, 6, budget=0.1))
    model.fit(waves())
    forecast = model.predict(waves())
    np.testing.assert_array_equal(forecast.values, PretrainedModel(setup(6, 6)).predict(waves()).values)
    assert "did not pay" in forecast.notes[0]


def test_the_last_horizon_is_not_learned_from():
    values = list(waves().values)
    changed = [np.append(one[:-6], np.full(6, 1e6)) for one in values]
    one, other = (Lessons(series, setup(6, 6)).draw() for series in (values, changed))
    for name, tensor in vars(one).items():
        assert tensor.equal(vars(other)[name])


def test_series_too_short_to_learn_from_are_not():
    model = TunedModel(setup(6, 6))
    model.fit(panel([1.0, 2, 3, 2, 1, 2, 3, 4], season=6))
    assert np.isfinite(model.predict(waves()).values).all()


def test_a_file_of_another_network_is_refused():
    tensors = dict(tuned().state()[0])
    with pytest.raises(InputError, match="settings"):
        TunedModel.restored(setup(6, 6), tensors, {"horizon": 3})
    for strange in (3, [1.0] * 4, [1.0] * 4 + [0.0], [1.0] * 4 + [float("nan")], ["1"] * 5):
        with pytest.raises(InputError, match="5 factors above 0"):
            TunedModel.restored(setup(6, 6), tensors, {"reach": strange})
    del tensors["out.bias"]
    with pytest.raises(InputError):
        TunedModel.restored(setup(6, 6), tensors, {})


def test_it_takes_part_where_tuning_is_asked_for():
    assert "tuned" not in field_of(None, setup(6, 6))
    assert "tuned" in field_of(None, setup(6, 6, tune=True))


@pytest.mark.parametrize("length", [90, 10])
def test_without_a_contest_it_forecasts_where_tuning_is_asked_for(length):
    series = panel(waves().values[0][:length], season=6)
    windows = 0 if length == 90 else None  # ten have no room for one
    assert Forecaster(6, season=6, tune=0.5).fit(series, windows=windows).kind_ == "tuned"


@pytest.mark.parametrize("settled", [{"model": "lstm"}, {"budget": 3}])
def test_tuning_is_a_choice_of_its_own(settled):
    with pytest.raises(InputError, match="takes neither"):
        Forecaster(6, tune="1s", **settled)
