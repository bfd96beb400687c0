"""The baselines on ordinary, odd and hopeless series, and on M4 to the published digit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.models.forecast.fakes import climbing, panel, setup

from gatewise.errors import InputError
from gatewise.models.forecast.evaluation.baselines import LONGEST_ETS_SEASON, RECENT_OBSERVATIONS, Baseline
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS
from gatewise.models.forecast.metrics import mase, seasonal_scale, smape
from gatewise.tables.panel import Panel

from ....matrix import every_pair

NAMES = [each.name for each in CONTESTANTS.values() if isinstance(each.make(setup()), Baseline)]
M4 = Path(__file__).parents[5] / "shared" / "data" / "m4"


def unrest(length: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=length)


SERIES = {
    "one": [3.0],
    "two": [3.0, 4.0],
    "three": [1.0, 5.0, 2.0],
    "constant": [7.0] * 30,
    "zero": [0.0] * 30,
    "line": np.arange(40.0),
    "short": unrest(13),
    "noise": unrest(60),
    "negative": climbing(60) - 100,
    "intermittent": (unrest(60) > 1) * 3.0,
    "tiny": climbing(60) * 1e-9,
}


@every_pair(name=NAMES, season=[1, 4, 12, 52], values=SERIES)
def test_every_series_gets_finite_nested_quantiles(name: str, season: int, values: list[float]):
    forecast = Baseline(name, setup(horizon=5, season=season)).predict(panel(values, season=season))
    assert forecast.values.shape == (1, 5, 5)
    assert np.isfinite(forecast.values).all()
    assert (np.diff(forecast.values, axis=-1) >= 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_series_stays_constant(name: str):
    forecast = Baseline(name, setup()).predict(panel([7.0] * 30))
    assert (forecast.median == 7.0).all()
    assert not forecast.notes


def test_naive_repeats_the_last_value_and_seasonal_naive_the_last_season():
    series = panel(climbing(20), climbing(24) + 1)
    last = [values[-1] for values in series.values]
    assert (last == Baseline("Naive", setup(horizon=6)).predict(series).median.T).all()
    seasonal = Baseline("SeasonalNaive", setup(horizon=6)).predict(series).median
    assert (seasonal == np.stack([values[[-4, -3, -2, -1, -4, -3]] for values in series.values])).all()


@pytest.mark.parametrize("name", NAMES)
def test_wider_levels_give_wider_intervals_around_the_same_forecast(name: str):
    forecast = Baseline(name, setup(levels=(50, 80, 95))).predict(panel(climbing(40)))
    widths = [np.subtract(*forecast.interval(level)[::-1]) for level in (50, 80, 95)]
    assert (widths[0] < widths[1]).all()
    assert (widths[1] < widths[2]).all()
    alone = Baseline(name, setup(levels=())).predict(panel(climbing(40)))
    assert (alone.median == forecast.median).all()


def test_a_series_too_short_for_a_model_is_counted_and_named():
    notes = Baseline("AutoETS", setup()).predict(panel(climbing(40), [1.0, 2.0], [1.0, 2.0, 4.0, 3.0, 5.0])).notes
    assert notes == (
        "AutoETS could not forecast 1 of 3 series (b): Naive stands in.",
        "AutoETS could not forecast 1 of 3 series (c): SeasonalNaive stands in.",
    )


def test_seasonal_naive_needs_more_than_one_season():
    forecast = Baseline("SeasonalNaive", setup()).predict(panel([1.0, 9.0, 2.0, 4.0]))
    assert (forecast.median == 4.0).all()
    assert "Naive stands in" in forecast.notes[0]


def test_costly_models_look_at_the_latest_observations_only():
    old = np.concatenate([unrest(500) * 1e6, climbing(RECENT_OBSERVATIONS)])
    seen = Baseline("AutoETS", setup()).predict(panel(old))
    assert seen.notes == (
        f"AutoETS looked at no more than the latest {RECENT_OBSERVATIONS:,} observations of a series.",
    )
    assert (seen.values == Baseline("AutoETS", setup()).predict(panel(climbing(RECENT_OBSERVATIONS))).values).all()


def test_a_season_beyond_ets_is_said():
    season = LONGEST_ETS_SEASON + 1
    notes = Baseline("AutoETS", setup(season=season)).predict(panel(unrest(80), season=season)).notes
    assert notes == (f"AutoETS has no seasons longer than {LONGEST_ETS_SEASON} steps: it ran without one.",)


def test_values_beyond_arithmetic_are_refused():
    with pytest.raises(InputError, match="series a: its values are too large"):
        Baseline("Naive", setup()).predict(panel(unrest(30) * 1e300))


def test_progress_reaches_the_end():
    heard: list[float] = []
    Baseline("Naive", setup(progress=lambda done, words: heard.append(done))).predict(panel(climbing(9), climbing(9)))
    assert heard == [0.5, 1.0]


def m4(group: str, season: int) -> tuple[Panel, np.ndarray]:
    """The training series and what came after them."""
    if not M4.is_dir():
        pytest.skip("the M4 competition's data are not at hand (../shared/data/m4)")
    train, test = (
        [row[~np.isnan(row)] for row in pd.read_csv(M4 / f"{group}-{part}.csv.gz", index_col=0).to_numpy()]
        for part in ("train", "test")
    )
    return panel(*train, season=season), np.stack(test)


@pytest.mark.parametrize(
    ("group", "season", "name", "published"),
    [
        ("Hourly", 24, "SeasonalNaive", (13.912, 1.193)),
        ("Weekly", 1, "SeasonalNaive", (9.161, 2.777)),
        ("Weekly", 1, "Naive", (9.161, 2.777)),
    ],
)
def test_m4_to_the_published_digit(group: str, season: int, name: str, published: tuple[float, float]):
    series, actual = m4(group, season)
    forecast = Baseline(name, setup(actual.shape[1], season)).predict(series).median
    scale = np.array([seasonal_scale(values, season) for values in series.values])
    figures = smape(actual, forecast).mean(), mase(actual, forecast, scale).mean()
    assert tuple(round(figure, 3) for figure in figures) == published
