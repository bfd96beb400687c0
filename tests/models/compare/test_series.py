"""Forecasts as a task: what is held out, what is scored, and floors that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from gatewise.compare import compare, forecasting
from gatewise.errors import InputError
from gatewise.models.compare.series import MOST_WINDOWS, SeriesTask
from gatewise.nn import LSTM
from gatewise.tables.options import ReadOptions

from ...tolerance import IN_PIECES, ROUNDING

HORIZON, SEASON, LENGTH = 4, 4, 48


def table(lengths: tuple[int, ...] = (LENGTH, LENGTH)) -> pd.DataFrame:
    """Seasonal series with a trend and noise, all ending at one time."""
    generator = np.random.default_rng(0)
    times = pd.date_range("1900-01-01", periods=max(lengths), freq="MS")
    frames = [
        pd.DataFrame(
            {
                "unique_id": f"series {number}",
                "ds": times[-length:],
                "y": 50 + np.arange(length) + 9 * np.sin(np.arange(length) * np.pi / 2) + generator.normal(size=length),
            }
        )
        for number, length in enumerate(lengths)
    ]
    return pd.concat(frames)


@pytest.fixture(scope="module")
def task() -> SeriesTask:
    return forecasting(table(), HORIZON, read=ReadOptions(season=SEASON))


def test_half_of_a_series_is_tested_on_and_eight_windows_at_most(task: SeriesTask) -> None:
    assert task.items == 2 * (LENGTH // 2 // HORIZON)
    long = forecasting(table((400,)), HORIZON, read=ReadOptions(season=SEASON))
    assert long.items == MOST_WINDOWS


def test_floors_are_the_naive_forecasts_scaled_by_what_came_before_the_test(task: SeriesTask) -> None:
    values = table().y.to_numpy().reshape(2, LENGTH)
    held = task.items // 2 * HORIZON
    scale = np.abs(values[:, SEASON : LENGTH - held] - values[:, : LENGTH - held - SEASON]).mean(axis=1)
    seasonal, last = [], []
    for start in range(LENGTH - held, LENGTH, HORIZON):
        actual = values[:, start : start + HORIZON]
        seasonal += list(np.abs(actual - values[:, start - SEASON : start]).mean(axis=1) / scale)
        last += list(np.abs(actual - values[:, start - 1 : start]).mean(axis=1) / scale)
    floors = {floor.name: floor.scores for floor in task.floors()}
    np.testing.assert_allclose(floors["seasonal naive"], seasonal, rtol=ROUNDING)
    np.testing.assert_allclose(floors["naive"], last, rtol=ROUNDING)


def test_no_training_sees_the_test_and_the_first_ones_not_the_validation(task: SeriesTask) -> None:
    held = task.items // 2 * HORIZON
    for part, left in (("learn", held + HORIZON), ("all", held)):
        store = task._taught[part].store
        assert store.lengths.tolist() == [LENGTH - left] * 2
        windows = task.batches(part, 0).next_batch()
        assert int(windows.steps[windows.known].max()) < LENGTH - left
    validated = task._taught["all"].last()
    assert validated.steps.tolist() == [list(range(LENGTH - held - HORIZON, LENGTH - held))] * 2


def test_a_network_that_repeats_the_season_scores_like_the_floor(task: SeriesTask) -> None:
    torch.manual_seed(0)
    network = task.network(lambda inputs: LSTM(inputs, 3))
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name != "mixture.linear.bias":  # which gives the last season nearly all weight
                weight.zero_()
        network.mixture.linear.bias.mul_(100)
        network.head.linear.bias.view(HORIZON, -1)[:, :] = 0.0
    scores = task.scores(network)
    floor = next(floor.scores for floor in task.floors() if floor.name == "seasonal naive")
    np.testing.assert_allclose(scores, floor, atol=10 * IN_PIECES)


def test_series_too_short_are_left_out_and_told() -> None:
    task = forecasting(table((LENGTH, 20)), HORIZON, windows=4, read=ReadOptions(season=SEASON))
    assert task.items == 4
    assert any(note.startswith("1 series of fewer than 30 observations left out: series 1") for note in task.about)
    with pytest.raises(InputError, match=r"no series has 86 observations, which is what 18 windows of 4"):
        forecasting(table(), HORIZON, windows=18, read=ReadOptions(season=SEASON))


def test_series_that_only_repeat_themselves_are_refused() -> None:
    frame = table((LENGTH,)).assign(y=np.tile([1.0, 2.0, 3.0, 4.0], LENGTH // 4))
    with pytest.raises(InputError, match="no series changes from season to season"):
        forecasting(frame, HORIZON, read=ReadOptions(season=SEASON))


def test_a_window_is_read_in_few_steps_however_long_it_is() -> None:
    task = forecasting(table((1600,)), 40, read=ReadOptions(season=160))
    assert task.longest * task.settings.patch == task.settings.look_back
    assert task.longest <= 96 < task.settings.look_back


def test_models_are_compared_on_series(task: SeriesTask) -> None:
    comparison = compare(task, models=("gru", "tcn"), updates=3, seeds=2, parameters=6_000)
    assert {floor.name for floor in comparison.floors} == {"seasonal naive", "naive"}
    assert comparison.networks[0].score <= comparison.networks[1].score
    assert comparison.measure.name == "MASE"
    assert "Up is less MASE" in comparison.to_html()
    assert all(entry.scores.shape == (2, task.items) for entry in comparison.networks)
