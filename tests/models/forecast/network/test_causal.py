"""The causal normalisation: what was read stays read, whatever comes after, and the forecasts keep their promises."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.models.forecast.network.test_lstm_model import HORIZON, LEVELS, SEASON, panel_of, wave
from tests.tolerance import BATCH_SIZE_FORECAST, FLOAT32_FORECAST

from gatewise.errors import InputError
from gatewise.models.forecast.network import causal
from gatewise.models.forecast.network.causal import CausalStore, least_in_logs, seasonal_steps
from gatewise.models.forecast.network.lstm_model import LSTMModel
from gatewise.models.forecast.network.scaling import Space, seasonal_step
from gatewise.models.forecast.network.settings import Settings
from gatewise.tables.panel import Floats, Panel

SERIES = [wave(120), wave(90, phase=1.0) - 10, np.random.default_rng(0).poisson(0.7, size=60).astype(float), wave(9)]


def fitted(panel: Panel, steps: int = 25) -> LSTMModel:
    model = LSTMModel(HORIZON, season=SEASON, levels=LEVELS, normalisation="causal")
    of = Settings.of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Settings, "of", lambda *sizes: replace(of(*sizes), steps=steps))
        model.fit(panel)
    return model


@pytest.fixture(scope="module")
def panel() -> Panel:
    return panel_of(*SERIES)


@pytest.fixture(scope="module")
def model(panel: Panel) -> LSTMModel:
    model = fitted(panel)
    assert model.ensemble.settings.patch == SEASON, "with one observation in a patch there is one way to cut a series"
    return model


def memories(model: LSTMModel, series: Floats, lengths: list[int]) -> torch.Tensor:
    """The memory of the first member after so many observations, (N, H)."""
    found: list[torch.Tensor] = []
    for length in lengths:
        store = CausalStore([series[:length]], SEASON, model.ensemble.settings)
        memory = store.last(torch.tensor([0]), store.look_back, HORIZON).memory
        assert memory is not None
        found.append(memory(model.ensemble.members[0]))
    return torch.cat(found)


def test_what_comes_later_changes_nothing_that_was_read(model: LSTMModel) -> None:
    series = SERIES[0]
    wild = np.concatenate([series[:100], [-1e6, 0.0, 1e6], series[:5]])
    (before,) = memories(model, series, [100])
    store = CausalStore([wild], SEASON, model.ensemble.settings)
    firsts, counts = store._leading(torch.tensor([100]))
    ((h, _),) = store.carry(model.ensemble.members[:1], torch.tensor([0]), firsts, counts, [None])
    assert torch.equal(h[-1, 0], before)


def test_every_new_row_moves_the_memory(model: LSTMModel) -> None:
    found = memories(model, SERIES[0], list(range(60, 80)))
    assert (found.diff(dim=0).abs().amax(1) > 0).all()


@pytest.mark.parametrize("at_once", [1, 100, 1 << 22])
def test_how_the_steps_are_dealt_out_does_not_matter(
    model: LSTMModel, panel: Panel, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = model.predict(panel).values
    monkeypatch.setattr(causal, "AT_ONCE", at_once)
    np.testing.assert_array_equal(model.predict(panel).values, expected)


def test_followed_series_are_forecast_bit_for_bit(model: LSTMModel) -> None:
    follower, random = model.following(), np.random.default_rng(1)
    lengths = [70, 33, 20, 6]
    for _ in range(12):
        panel = panel_of(*(series[:length] for series, length in zip(SERIES, lengths, strict=True)))
        np.testing.assert_array_equal(follower.predict(panel).values, model.predict(panel).values)
        new = random.integers(0, 9, size=4).tolist()
        lengths = [min(length + more, len(one)) for one, length, more in zip(SERIES, lengths, new, strict=True)]


def test_a_follower_that_was_interrupted_begins_anew(model: LSTMModel, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = model.following()
    follower.predict(panel_of(SERIES[0][:80]))
    with monkeypatch.context() as patch:
        patch.setattr(CausalStore, "window", lambda *arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            follower.predict(panel_of(SERIES[0][:90]))
    longer = panel_of(SERIES[0][:95])
    np.testing.assert_array_equal(follower.predict(longer).values, model.predict(longer).values)


def test_training_reads_what_forecasting_reads(model: LSTMModel) -> None:
    """Moments looked up and moments made on the spot; a run that is short enough to be whole."""
    store = CausalStore([one[:40] for one in SERIES], SEASON, model.ensemble.settings)
    rows = torch.arange(4)
    windows = store.windows(rows, store.lengths[rows], store.look_back, HORIZON).memory
    last = store.last(rows, store.look_back, HORIZON).memory
    assert (store.lengths <= causal.WARM_UP * store.look_back).all()
    assert windows is not None
    assert last is not None
    assert all(torch.equal(windows(member), last(member)) for member in model.ensemble.members)


@pytest.mark.parametrize("values", SERIES, ids=["positive", "both signs", "counts", "short"])
def test_the_laws_are_those_of_series(values: Floats) -> None:
    raw, seen = torch.from_numpy(values)[None], torch.ones(1, len(values), dtype=torch.bool)
    assert bool(least_in_logs(raw, seen)[0]) == Space.of(values).log
    assert float(seasonal_steps(raw, seen, SEASON)) == pytest.approx(seasonal_step(values, SEASON), rel=1e-12)


@pytest.mark.parametrize("values", [np.full(9, 3.0), np.arange(9.0), np.tile([1.0, 2, 3, 4], 3), np.arange(3.0)])
def test_seasonal_steps_of_odd_windows(values: Floats) -> None:
    raw, seen = torch.from_numpy(values)[None], torch.ones(1, len(values), dtype=torch.bool)
    assert float(seasonal_steps(raw, seen, SEASON)) == pytest.approx(seasonal_step(values, SEASON), rel=1e-12)


def test_last_observation_moves_every_step(model: LSTMModel, panel: Panel) -> None:
    newer = panel.values[0].copy()
    newer[-1] *= 1.01
    moved = model.predict(panel_of(newer)).median - model.predict(panel_of(panel.values[0])).median
    assert (np.abs(moved) > 1e-6).all()


def test_memory_reaches_beyond_the_window(model: LSTMModel, panel: Panel) -> None:
    series = panel.values[0]
    older = series.copy()
    older[-3 * model.ensemble.settings.look_back] *= 1.5
    assert (model.predict(panel_of(older)).median != model.predict(panel_of(series)).median).all()


def test_batch_composition_does_not_matter(model: LSTMModel, panel: Panel) -> None:
    together = model.predict(panel).values
    alone = np.concatenate([model.predict(panel.select([row])).values for row in range(len(panel))])
    np.testing.assert_allclose(together, alone, rtol=BATCH_SIZE_FORECAST)


def test_same_seed_same_forecast(model: LSTMModel, panel: Panel) -> None:
    np.testing.assert_array_equal(fitted(panel).predict(panel).values, model.predict(panel).values)


def test_quantiles_are_finite_and_do_not_cross(model: LSTMModel, panel: Panel) -> None:
    values = model.predict(panel).values
    assert np.isfinite(values).all()
    assert (np.diff(values, axis=-1) >= 0).all()


def test_constant_series_are_forecast_as_themselves(model: LSTMModel) -> None:
    values = model.predict(panel_of(np.full(40, 7.3), np.zeros(40), np.full(8, -2e9))).values
    for one, constant in zip(values, (7.3, 0.0, -2e9), strict=True):
        np.testing.assert_allclose(one, constant, rtol=1e-12)


@pytest.mark.parametrize("unit", [1e-8, 1e12, 1e300])
@pytest.mark.parametrize("row", [0, 1], ids=["positive", "both signs"])
def test_units_do_not_matter(model: LSTMModel, unit: float, row: int) -> None:
    if unit == 1e300 and row == 1:
        pytest.skip("squares of such values are no float64, whatever the normalisation")
    plain = model.predict(panel_of(SERIES[row])).values
    scaled = model.predict(panel_of(unit * SERIES[row])).values
    np.testing.assert_allclose(scaled / unit, plain, rtol=FLOAT32_FORECAST, atol=FLOAT32_FORECAST)


def test_learns_a_plain_season() -> None:
    series = wave(150, noise=0.0)
    known = panel_of(series[:-HORIZON])
    error = np.abs(fitted(known, 100).predict(known).median[0] - series[-HORIZON:]).mean()
    assert error < np.abs(series[SEASON:] - series[:-SEASON]).mean()


def test_state_round_trip(model: LSTMModel, panel: Panel) -> None:
    tensors, settings = model.state()
    again = LSTMModel.from_state(tensors, json.loads(json.dumps(settings)))
    np.testing.assert_array_equal(model.predict(panel).values, again.predict(panel).values)


def test_a_state_without_a_word_of_it_is_of_windows(panel: Panel) -> None:
    model = LSTMModel(HORIZON, season=SEASON, levels=LEVELS, budget=0.2)
    model.fit(panel)
    tensors, settings = model.state()
    del settings["normalisation"]
    again = LSTMModel.from_state(tensors, settings)
    np.testing.assert_array_equal(model.predict(panel).values, again.predict(panel).values)


def test_bad_words_are_refused() -> None:
    with pytest.raises(InputError, match="normalisation is 'both'"):
        LSTMModel(HORIZON, levels=LEVELS, normalisation="both")
