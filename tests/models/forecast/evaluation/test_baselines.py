"""The baselines on ordinary, odd and hopeless series, and on M4 to the published digit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.models.forecast.fakes import climbing, panel, setup
from tests.tolerance import ROUNDING

from gatewise.errors import InputError
from gatewise.models.forecast.evaluation.baselines import Baseline, RollingBaseline
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS
from gatewise.models.forecast.evaluation.intermittent import LEAST_INTERVAL, intermittent
from gatewise.models.forecast.evaluation.methods import LONGEST_ETS_SEASON, METHODS, RECENT_OBSERVATIONS
from gatewise.models.forecast.evaluation.naive import TOGETHER
from gatewise.models.forecast.evaluation.theta import Level
from gatewise.models.forecast.metrics import mase, seasonal_scale, smape
from gatewise.tables.panel import Panel

from ....matrix import every_pair

NAMES = list(METHODS)
SEARCHING = [name for name, method in METHODS.items() if method.search]
DEMAND = ("CrostonSBA", "TSB", "ADIDA")
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
    share = 0.95 if name == "CrostonSBA" else 1.0  # it takes off half of its smoothing, against a bias
    np.testing.assert_allclose(forecast.median, 7.0 * share, rtol=ROUNDING)
    assert not forecast.notes


def test_naive_repeats_the_last_value_and_seasonal_naive_the_last_season():
    series = panel(climbing(20), climbing(24) + 1)
    last = [values[-1] for values in series.values]
    assert (last == Baseline("Naive", setup(horizon=6)).predict(series).median.T).all()
    seasonal = Baseline("SeasonalNaive", setup(horizon=6)).predict(series).median
    assert (seasonal == np.stack([values[[-4, -3, -2, -1, -4, -3]] for values in series.values])).all()


@pytest.mark.parametrize("season", [1, 4, 12])
@pytest.mark.parametrize("name", TOGETHER)
def test_many_series_at_once_get_what_each_gets_alone_from_statsforecast(name: str, season: int):
    told = setup(horizon=9, season=season)
    series = [np.asarray(values, np.float64) for values in SERIES.values()]
    together = TOGETHER[name](series, told)
    for values, found in zip(series, together, strict=True):
        alone = TOGETHER[name]([values], told)
        assert np.array_equal(found, alone[0], equal_nan=True), "the bits depend on the company"
        try:
            with np.errstate(all="ignore"):
                expected = METHODS[name].quantiles(values, told, None)
        except (ValueError, ZeroDivisionError):
            expected = np.full(found.shape, np.nan)
        np.testing.assert_allclose(found, expected, rtol=ROUNDING, atol=ROUNDING * np.abs(values).max())


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
    Baseline("TSB", setup(progress=lambda done, words: heard.append(done))).predict(panel(climbing(9), climbing(9)))
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


def test_every_method_is_a_contestant():
    alone = [one.name for one in CONTESTANTS.values() if isinstance(one.make(setup()), Baseline)]
    assert sorted(alone) == sorted(NAMES)


def test_drift_goes_on_along_the_line_from_the_first_value_to_the_last():
    values = climbing(30)
    forecast = Baseline("Drift", setup()).predict(panel(values)).median[0]
    np.testing.assert_allclose(forecast, values[-1] + np.arange(1, 5) * (values[-1] - values[0]) / 29)


@pytest.mark.parametrize("dynamic", [False, True])
def test_the_spread_of_theta_is_that_of_simulated_paths(dynamic: bool):
    n, alpha, theta, horizon, paths = 40, 0.6, 2.0, 8, 40_000
    errors = np.random.default_rng(0).normal(size=(horizon, paths))
    level, mean, slope, ahead = np.zeros(paths), np.zeros(paths), np.zeros(paths), []
    for step, error in enumerate(errors):
        t = n + step + 1  # the number of the observation, as in the paper's equations
        line = (mean - slope * t / 2) * (1 - alpha) ** (t - 1) + slope * (1 - (1 - alpha) ** t) / alpha
        y = level + (1 - 1 / theta) * line * dynamic + error
        ahead.append(y.std())
        level = alpha * y + (1 - alpha) * level
        slope = ((t - 2) * slope + 6 / t * (y - mean)) / (t + 1)
        mean = ((t - 1) * mean + y) / t
    np.testing.assert_allclose(Level(n, alpha, theta, dynamic).spread(horizon), ahead, rtol=0.02)


@pytest.mark.parametrize("name", SEARCHING)
def test_in_a_backtest_a_form_is_searched_once_and_fitted_again(name: str, monkeypatch: pytest.MonkeyPatch):
    method, searched = METHODS[name], []
    assert method.search

    def search(values: np.ndarray, season: int) -> tuple[object, ...]:
        searched.append(len(values))
        return method.search(values, season)  # type: ignore[misc]

    monkeypatch.setitem(METHODS, name, replace(method, search=search))
    rolling, plain = RollingBaseline(name, setup()), Baseline(name, setup())
    first, then = panel(climbing(40)), panel(climbing(41))
    np.testing.assert_allclose(rolling.predict(first).values, plain.predict(first).values, rtol=0.02)
    assert rolling.predict(then).values.shape == (1, 4, 5)
    assert searched == [40]


def test_intermittent_demand_is_recognised():
    demand = np.array([0, 0, 0, 3, 0, 1, 0, 2, 0, 4.0])
    assert intermittent(panel(demand, climbing(10), demand - 1, [0.0] * 10)) == (True, False, False, False)
    assert LEAST_INTERVAL == 1.32
    assert intermittent(panel([0, 0, 3, 2, 4, 0, 1, 2.0])) == (False,), "leading zeros do not count: 6 / 5 < 1.32"


@pytest.mark.parametrize("name", DEMAND)
def test_demand_is_forecast_by_its_mean_and_not_by_nothing(name: str):
    values = (np.random.default_rng(0).random(200) < 0.3) * 4.0
    forecast = Baseline(name, setup()).predict(panel(values))
    assert 0.6 < forecast.median[0, 0] < 2
    assert (forecast.values[0, :, 0] == 0).all()
    assert (forecast.values[0, :, -1] > 2).all()


def test_several_seasons_go_to_mstl():
    t = np.arange(24 * 7 * 5)
    values = 50 + 5 * np.sin(2 * np.pi * t / 24) + 9 * np.sin(2 * np.pi * t / 168) + 0.1 * unrest(len(t))
    told = setup(24, 24, longer=(168,))
    forecast = Baseline("MSTL", told).predict(panel(values[:-24], season=24)).median[0]
    assert np.abs(forecast - values[-24:]).mean() < 1
