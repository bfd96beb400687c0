"""The default forecaster: every step sees every observation, and what it promises about seeds, states and data."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.tolerance import BATCH_SIZE_FORECAST, FLOAT32_FORECAST

from gatewise.errors import InputError
from gatewise.models.forecast.network.lstm_model import LSTMModel
from gatewise.models.forecast.network.settings import Settings
from gatewise.models.forecast.results import quantile_levels
from gatewise.tables.panel import Floats, Frequency, Panel

LEVELS = quantile_levels((80, 95))
HORIZON, SEASON = 6, 4


def panel_of(*values: Floats) -> Panel:
    return Panel(
        ids=tuple(f"s{row}" for row in range(len(values))),
        times=tuple(np.arange(len(one)) for one in values),
        values=tuple(np.asarray(one, dtype=np.float64) for one in values),
        frequency=Frequency("1"),
        season=SEASON,
    )


def wave(length: int, *, phase: float = 0.0, noise: float = 0.05) -> Floats:
    time = np.arange(length)
    shake = np.random.default_rng(length).normal(size=length)
    return 10 + 0.02 * time + np.sin(2 * np.pi * time / SEASON + phase) + noise * shake


def fitted(panel: Panel, *, seed: int = 0, budget: float | None = 0.6) -> LSTMModel:
    model = LSTMModel(HORIZON, season=SEASON, levels=LEVELS, seed=seed, budget=budget)
    model.fit(panel)
    return model


@pytest.fixture(scope="module")
def panel() -> Panel:
    return panel_of(wave(120), wave(90, phase=1.0), wave(9, phase=2.0))


@pytest.fixture(scope="module")
def model(panel: Panel) -> LSTMModel:
    return fitted(panel)


def look_back(model: LSTMModel) -> int:
    return model.ensemble.settings.look_back


def test_last_observation_moves_every_step(model: LSTMModel, panel: Panel) -> None:
    newer = panel.values[0].copy()
    newer[-1] *= 1.01
    moved = model.predict(panel_of(newer)).median - model.predict(panel_of(panel.values[0])).median
    assert (np.abs(moved) > 1e-6).all()


def test_every_step_depends_on_every_observation_through_the_network(model: LSTMModel) -> None:
    """Level and spread held fixed: the dependence is the network's own, not the normalisation's."""
    length = look_back(model)
    features = torch.tensor([[0.5, -1.0, 1.0]])
    for member in model.ensemble.members:
        past = torch.randn(1, length, generator=torch.Generator().manual_seed(1), requires_grad=True)
        forecast = member(past, torch.ones(1, length, dtype=torch.bool), features)
        for step in range(HORIZON):
            for level in range(len(LEVELS)):
                (gradient,) = torch.autograd.grad(forecast[0, step, level], past, retain_graph=True)
                assert (gradient != 0).all(), f"step {step + 1} ignores part of its window"


def test_unseen_positions_carry_nothing(model: LSTMModel) -> None:
    length = look_back(model)
    past = torch.randn(1, length, requires_grad=True)
    seen = torch.arange(length)[None] >= length // 2
    model.ensemble.members[0](past, seen, torch.zeros(1, 3)).sum().backward()
    assert past.grad is not None
    assert ((past.grad != 0) == seen).all()


def test_whole_forecast_depends_on_every_observation_of_its_window(model: LSTMModel, panel: Panel) -> None:
    values = panel.values[0]
    nudged = [values.copy() for _ in range(look_back(model))]
    for position, one in enumerate(nudged, start=1):
        one[-position] *= 1.001
    moved = model.predict(panel_of(*nudged)).median - model.predict(panel_of(values)).median
    assert (moved != 0).all()


def test_same_seed_same_forecast(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Settings.of(HORIZON, SEASON, panel.lengths)
    monkeypatch.setattr(Settings, "of", lambda *sizes: replace(full, steps=20))
    first, again, other = (fitted(panel, seed=seed, budget=None).predict(panel).values for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_batch_composition_does_not_matter(model: LSTMModel, panel: Panel) -> None:
    together = model.predict(panel).values
    alone = np.concatenate([model.predict(panel.select([row])).values for row in range(len(panel))])
    np.testing.assert_allclose(together, alone, rtol=BATCH_SIZE_FORECAST)


def test_quantiles_do_not_cross(model: LSTMModel, panel: Panel) -> None:
    values = model.predict(panel).values
    assert values.shape == (3, HORIZON, len(LEVELS))
    assert np.isfinite(values).all()
    assert (np.diff(values, axis=-1) >= 0).all()


def test_state_round_trip(model: LSTMModel, panel: Panel) -> None:
    tensors, settings = model.state()
    again = LSTMModel.from_state(tensors, json.loads(json.dumps(settings)))
    np.testing.assert_array_equal(model.predict(panel).values, again.predict(panel).values)


def test_budget_bounds_training(panel: Panel) -> None:
    begun = time.monotonic()
    fitted(panel, budget=0.5)
    assert time.monotonic() - begun < 5


def test_progress_rises_to_one(panel: Panel) -> None:
    heard: list[float] = []
    model = LSTMModel(
        HORIZON, season=SEASON, levels=LEVELS, budget=0.2, progress=lambda done, words: heard.append(done)
    )
    model.fit(panel)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_constant_series_are_forecast_as_themselves() -> None:
    panel = panel_of(np.full(40, 7.3), np.zeros(40), np.full(8, -2e9))
    values = fitted(panel, budget=0.2).predict(panel).values
    for one, constant in zip(values, (7.3, 0.0, -2e9), strict=True):
        np.testing.assert_allclose(one, constant, rtol=1e-12)


@pytest.mark.parametrize("unit", [1e-8, 1.0, 1e12])
@pytest.mark.parametrize("shift", [0.0, -10.0, -100.0], ids=["positive", "both signs", "negative"])
def test_units_do_not_matter(unit: float, shift: float) -> None:
    """The same series in another unit has the same forecast in that unit."""
    series = wave(60) + shift
    plain = fitted_by_steps(series).predict(panel_of(series)).values
    scaled = fitted_by_steps(series).predict(panel_of(unit * series)).values
    np.testing.assert_allclose(scaled / unit, plain, rtol=FLOAT32_FORECAST, atol=FLOAT32_FORECAST)


_by_series: dict[bytes, LSTMModel] = {}


def fitted_by_steps(series: Floats) -> LSTMModel:
    key = series.tobytes()
    if key not in _by_series:
        _by_series[key] = fitted(panel_of(series), budget=0.3)
    return _by_series[key]


def test_series_with_zeros_stay_finite() -> None:
    counts = np.random.default_rng(0).poisson(0.7, size=100).astype(float)
    panel = panel_of(counts, np.concatenate([counts, np.zeros(60)]))
    assert np.isfinite(fitted(panel).predict(panel).values).all()


def test_learns_a_plain_season() -> None:
    series = wave(200, noise=0.0)
    model = LSTMModel(HORIZON, season=SEASON, levels=LEVELS)
    model.fit(panel_of(series[:-HORIZON]))
    error = np.abs(model.predict(panel_of(series[:-HORIZON])).median[0] - series[-HORIZON:]).mean()
    naive = np.abs(series[SEASON:] - series[:-SEASON]).mean()
    assert error < naive


def test_too_short_series_are_named(model: LSTMModel) -> None:
    with pytest.raises(InputError, match="s1"):
        model.predict(panel_of(wave(20), wave(SEASON)))
    with pytest.raises(InputError, match="no series"):
        fitted(panel_of(wave(SEASON)))


@pytest.mark.parametrize(
    "arguments",
    [{"horizon": 0}, {"season": 0}, {"levels": (0.1, 0.9)}, {"levels": (0.5, 0.1)}, {"budget": 0.0}],
    ids=lambda arguments: next(iter(arguments)),
)
def test_arguments_are_checked(arguments: dict[str, object]) -> None:
    full = {"horizon": HORIZON, "levels": LEVELS, **arguments}
    with pytest.raises(InputError):
        LSTMModel(**full)  # pyright: ignore[reportArgumentType]  # deliberately wrong values


def test_predict_before_fit(panel: Panel) -> None:
    with pytest.raises(RuntimeError, match="fit"):
        LSTMModel(HORIZON, levels=LEVELS).predict(panel)
