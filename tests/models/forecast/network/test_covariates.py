"""Covariates as inputs of the trained network: used where they tell something, alike in any company, kept in files."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.tolerance import BATCH_SIZE_FORECAST, FLOAT32_REGRESSION

from gatewise.errors import InputError
from gatewise.models.forecast.network.encoding import Encoding
from gatewise.models.forecast.network.lstm_model import LSTMModel
from gatewise.models.forecast.network.rolling import RollingLSTM
from gatewise.models.forecast.network.settings import Settings
from gatewise.models.forecast.results import quantile_levels
from gatewise.models.forecast.shuffling import DRAWS
from gatewise.tables.covariates import Covariate, Covariates
from gatewise.tables.panel import Floats, Frequency, Panel

LEVELS, HORIZON, SEASON, STEPS = quantile_levels((80,)), 4, 4, 60
SKIES = ("rain", "snow", "sun")


def panel_of(lengths: tuple[int, ...] = (160, 130), seed: int = 0, **roles: str) -> Panel:
    """Series that a number, a word and a size make, of which the size is static, beside one that is noise."""
    rng = np.random.default_rng(seed)
    values: list[Floats] = []
    known: list[Floats] = []
    for row, length in enumerate(lengths):
        steps, size = np.arange(length + HORIZON), float(row)
        warm, noise = rng.normal(size=(2, len(steps)))
        sky = rng.integers(3, size=len(steps)).astype(float)
        known.append(np.column_stack((warm, sky, np.full(len(steps), size), noise)))
        values.append((50 + np.sin(2 * np.pi * steps / SEASON) + 4 * warm + 6 * (sky == 1) + 0.1 * noise)[:length])
    columns = (
        Covariate("warm", role=roles.get("warm", "known")),  # type: ignore[arg-type]
        Covariate("sky", words=SKIES, role="known"),
        Covariate("size", role="static"),
        Covariate("noise", role="known"),
    )
    return Panel(
        ids=tuple(f"s{row}" for row in range(len(lengths))),
        times=tuple(np.arange(length) for length in lengths),
        values=tuple(values),
        frequency=Frequency("1"),
        season=SEASON,
        covariates=Covariates(columns, tuple(known)),
    )


def fitted(panel: Panel, steps: int = STEPS, like: type[LSTMModel] = LSTMModel, **arguments: Any) -> LSTMModel:
    model = like(HORIZON, season=SEASON, levels=LEVELS, **arguments)
    of = Settings.of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Settings, "of", lambda *sizes: replace(of(*sizes), steps=steps, members=1))
        model.fit(panel)
    return model


def changed(panel: Panel, name: str, start: int, value: float) -> Panel:
    """The panel with another value of a covariate from a step of each series on."""
    assert panel.covariates is not None
    at, values = panel.covariates.names.index(name), [one.copy() for one in panel.covariates.values]
    for one, length in zip(values, panel.lengths.tolist(), strict=True):
        one[length + start :, at] = value
    return replace(panel, covariates=replace(panel.covariates, values=tuple(values)))


def without(panel: Panel) -> Panel:
    return replace(panel, covariates=None)


@pytest.fixture(scope="module")
def whole() -> Panel:
    return panel_of()


@pytest.fixture(scope="module")
def past(whole: Panel) -> Panel:
    return whole.without_last(HORIZON)


@pytest.fixture(scope="module")
def model(past: Panel) -> LSTMModel:
    return fitted(past)


def test_what_is_known_ahead_makes_the_forecast(model: LSTMModel, whole: Panel, past: Panel) -> None:
    actual = np.stack([values[-HORIZON:] for values in whole.values])
    usual = np.array([values.mean() for values in past.values])[:, None]
    assert np.abs(model.predict(past).median - actual).mean() < 0.5 * np.abs(usual - actual).mean()


def test_the_future_that_is_given_is_the_one_that_counts(model: LSTMModel, past: Panel) -> None:
    low, high = (model.predict(changed(past, "warm", 0, value)).median for value in (-1.0, 1.0))
    assert ((high - low).mean(axis=1) > 4).all()
    told, nothing = (model.predict(changed(past, "noise", 0, value)).median for value in (-1.0, 1.0))
    assert np.abs(told - nothing).mean() < 2


def test_nothing_beyond_the_horizon_counts(model: LSTMModel, past: Panel) -> None:
    other = model.predict(changed(past, "warm", HORIZON, 1e6))
    assert np.array_equal(other.values, model.predict(past).values)


def test_what_is_known_only_in_the_past_is_not_looked_at_later() -> None:
    panel = panel_of(warm="past")
    model = fitted(panel, steps=5)
    assert np.array_equal(model.predict(changed(panel, "warm", 0, 1e6)).values, model.predict(panel).values)
    assert not np.array_equal(model.predict(changed(panel, "warm", -1, 1e6)).values, model.predict(panel).values)


def test_a_series_is_forecast_alike_in_any_company(model: LSTMModel, past: Panel) -> None:
    together = model.predict(past).values
    alone = np.concatenate([model.predict(past.select([row])).values for row in range(len(past))])
    np.testing.assert_allclose(alone, together, rtol=BATCH_SIZE_FORECAST)


def test_a_file_holds_how_they_are_told(model: LSTMModel, past: Panel) -> None:
    tensors, settings = model.state()
    again = LSTMModel.from_state(tensors, json.loads(json.dumps(settings)))
    assert np.array_equal(again.predict(past).values, model.predict(past).values)
    assert again.encoding is not None
    assert again.encoding.names == ("warm", "sky", "size", "noise")


def test_words_are_known_by_what_they_say(model: LSTMModel, past: Panel) -> None:
    covariates = past.covariates
    assert covariates is not None
    words, codes = ("hail", *SKIES[::-1]), np.array([3.0, 2.0, 1.0])
    columns = tuple(replace(one, words=words) if one.words else one for one in covariates.columns)
    values = tuple(np.column_stack((one[:, 0], codes[one[:, 1].astype(int)], one[:, 2:])) for one in covariates.values)
    other = replace(past, covariates=replace(covariates, columns=columns, values=values))
    assert np.array_equal(model.predict(other).values, model.predict(past).values)


def test_columns_are_told_with_mean_0_and_deviation_1(past: Panel) -> None:
    encoding = Encoding.of(past, SEASON, HORIZON)
    assert encoding is not None
    assert sum(encoding.parts.values()) == encoding.width
    rows = np.concatenate(encoding.told(past, 0))
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=FLOAT32_REGRESSION)
    np.testing.assert_allclose(rows.std(axis=0), encoding.scale > 0, atol=FLOAT32_REGRESSION)
    assert (encoding.scale > 0).sum() > 0.9 * encoding.width


def test_what_never_changes_is_nothing_to_tell(past: Panel) -> None:
    assert past.covariates is not None
    still = replace(past, covariates=replace(past.covariates, values=tuple(0 * one for one in past.covariates.values)))
    assert Encoding.of(still, SEASON, HORIZON) is None
    assert "covariates" not in fitted(still, steps=1).state()[1]


def test_a_table_without_one_or_of_another_kind_is_refused(model: LSTMModel, past: Panel) -> None:
    with pytest.raises(InputError, match="learned from the covariate 'warm', which the data were read without"):
        model.predict(without(past))
    assert past.covariates is not None
    columns = (replace(past.covariates.columns[0], words=("warm",)), *past.covariates.columns[1:])
    with pytest.raises(InputError, match="'warm' holds words, and held numbers"):
        model.predict(replace(past, covariates=replace(past.covariates, columns=columns)))


def test_a_network_that_carries_its_memory_takes_none(past: Panel) -> None:
    with pytest.raises(InputError, match="takes no covariates"):
        fitted(past, normalisation="causal")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda records: records.clear(), "there are no covariates"),
        (lambda records: records.append(records[0]), "a covariate is named twice"),
        (lambda records: records[0].update(lag=1), "lag"),
        (lambda records: records[0].update(means=[1]), "knots for each mean"),
        (lambda records: records[0]["knots"][0].pop(), "numbers, not of"),
        (lambda records: records[0]["knots"][0].append("a"), "knots"),
        (lambda records: records[1]["words"].append(1), "words"),
        (lambda records: records[1].update(shifts=[10**9]), "shifts"),
        (lambda records: records[0].update(more=1), "no field"),
    ],
)
def test_a_file_that_describes_no_such_columns_is_refused(model: LSTMModel, change: Any, said: str) -> None:
    tensors, settings = model.state()
    claimed = json.loads(json.dumps(settings))
    change(claimed["covariates"]["columns"])
    with pytest.raises(InputError, match=said):
        LSTMModel.from_state(tensors, claimed)


def test_scales_that_are_no_numbers_are_refused(model: LSTMModel) -> None:
    tensors, settings = model.state()
    claimed = json.loads(json.dumps(settings))
    with pytest.raises(InputError, match="finite"):
        LSTMModel.from_state({**tensors, "covariates.scale": tensors["covariates.scale"] / 0}, claimed)
    with pytest.raises(InputError, match="a centre and a scale"):
        LSTMModel.from_state({name: one for name, one in tensors.items() if name != "covariates.scale"}, claimed)


def test_in_a_backtest_it_shows_what_each_is_worth(past: Panel):
    rolling = fitted(past, like=RollingLSTM)
    forecast = rolling.predict(past)
    moved = {name: np.abs(medians - forecast.median).mean() for name, medians in forecast.shuffled.items()}
    assert sorted(moved) == ["noise", "size", "sky", "warm"]
    assert min(moved["warm"], moved["sky"]) > 5 * moved["noise"]
    assert all(medians.shape == (DRAWS, *forecast.median.shape) for medians in forecast.shuffled.values())
    assert np.array_equal(forecast.values, LSTMModel.predict(rolling, past).values)


def test_what_describes_a_series_is_exchanged_with_others_and_not_with_itself(past: Panel):
    rolling = fitted(past, steps=1, like=RollingLSTM)
    assert "size" not in rolling.predict(past.select([0])).shuffled
    assert set(rolling.predict(past.select([0])).shuffled) == {"warm", "sky", "noise"}


def test_the_worth_of_what_is_known_late_is_told_by_its_latest_values():
    whole = panel_of(warm="past")
    past = whole.without_last(HORIZON)
    rolling = fitted(past, like=RollingLSTM)
    forecast = rolling.predict(past)
    assert not np.array_equal(forecast.shuffled["warm"][0], forecast.median)
    later = changed(past, "warm", 0, 1e3)
    assert np.array_equal(rolling.predict(later).shuffled["warm"], forecast.shuffled["warm"])
