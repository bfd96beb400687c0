"""The network tuned to a panel: better on it or as it was, and the same after a file."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from tests.models.forecast.fakes import panel, setup

from gatewise.errors import InputError
from gatewise.forecast import Forecaster
from gatewise.models.forecast.evaluation.contestants import field_of
from gatewise.models.forecast.pretrained.learning import batch_of
from gatewise.models.forecast.pretrained.model import PretrainedModel, between, forecast
from gatewise.models.forecast.pretrained.tuned import LATEST, Lessons, TunedModel, _others
from gatewise.models.forecast.pretrained.weights import pretrained, pretrained_weights
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
    monkeypatch.setattr(Lessons, "score", lambda lessons, *asked: 1.0)
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


def test_a_share_of_the_way_is_kept_where_that_forecasts_better(monkeypatch):
    scores = iter([3.0, 2.0, 1.0])
    monkeypatch.setattr(Lessons, "score", lambda *asked: next(scores))
    model = TunedModel(setup(6, 6, budget=0.1))
    monkeypatch.setattr(TunedModel, "_train", lambda model, learner, lessons: learner.out.bias.data.add_(1.0))
    model.fit(waves())
    np.testing.assert_allclose(model.weights["out.bias"], pretrained_weights()["out.bias"] + 0.5, rtol=1e-6)


def test_half_of_the_stretches_end_near_the_end_and_are_forecast_after_their_last_tokens(monkeypatch):
    drawn = []

    def recorded(rows, *told, latest):
        drawn.append(np.nanmax(rows, axis=1))
        return batch_of(rows, *told, latest=latest)

    monkeypatch.setattr("gatewise.models.forecast.pretrained.tuned.batch_of", recorded)
    lessons = Lessons([np.arange(2000.0)], setup(6, 6))
    batches = [lessons.draw() for _ in range(5)]
    before = 1994 - 1 - np.concatenate(drawn)
    assert 20 < np.median(before) < 100  # the root of 2000 is 45
    assert before.max() > 1000
    late = [(batch.token >= batch.tokens.shape[1] - LATEST - 2).float().mean() for batch in batches]
    assert np.mean(late) > 0.9


def test_more_is_learned_from_more():
    lessons = [Lessons([np.zeros(length)], setup(6, 6)) for length in (20, 20_000, 40_000)]
    assert [one.updates for one in lessons] == [1, 14, 29]


@cache
def with_two_readings() -> TunedModel:
    """Of hours whose score is best where they are also read by a week."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Lessons, "score", lambda lessons, weights, also=None, most=0: 1.0 if also == (168, 1) else 2.0)
        model = TunedModel(setup(6, 24, budget=0.1))
        model.fit(hours())
    return model


@cache
def hours() -> Panel:
    return panel(np.random.default_rng(0).normal(size=400), np.arange(30.0), season=24)


def test_seasons_that_pay_are_read_besides_and_forecasts_are_the_mean():
    assert with_two_readings().network.also == (168, 1)
    found = with_two_readings().predict(hours().select([0])).values[0]
    alone = [
        forecast(pretrained(), [hours().values[0]], *seasons, 6)[0] @ between(setup().levels).T
        for seasons in ((24, 168), (168, 1))
    ]
    np.testing.assert_array_equal(found, np.mean(alone, axis=0))


def test_seasons_that_hardly_pay_are_not(monkeypatch):
    monkeypatch.setattr(Lessons, "score", lambda lessons, weights, also, most: 1.0 if also is None else 0.995)
    assert Lessons(hours().values, setup(6, 24)).worthwhile({}) is None


@pytest.mark.parametrize(
    ("told", "others"),
    [((12, 1), []), ((24, 168), [(12, 24), (168, 1)]), ((52, 1), [(13, 52)]), ((1, 1), []), ((23, 1), [(1, 23)])],
)
def test_long_seasons_may_also_be_read_in_finer_patches_and_second_ones_alone(told, others):
    assert list(_others(*told)) == others


def test_a_file_keeps_the_seasons_that_are_read_besides():
    tensors, settings = with_two_readings().state()
    again = TunedModel.restored(setup(6, 24), tensors, settings)
    np.testing.assert_array_equal(again.predict(hours()).values, with_two_readings().predict(hours()).values)
    for strange in ([24], [24, 0], "24", [24, 1.5]):
        with pytest.raises(InputError, match="also"):
            TunedModel.restored(setup(6, 24), tensors, settings | {"also": strange})


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
