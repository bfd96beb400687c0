"""The pool: quantiles of a mixture, made of the others' forecasts in a backtest and by members of its own elsewhere."""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from tests.models.forecast.fakes import climbing, network, panel, setup
from tests.tolerance import ROUNDING

from gatewise.errors import InputError
from gatewise.models.forecast.estimator import Forecaster
from gatewise.models.forecast.evaluation.backtest import compare
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS, POOLED, forecast_all
from gatewise.models.forecast.evaluation.pool import pooled
from gatewise.models.forecast.results import Quantiles, quantile_levels

LEVELS = quantile_levels((50, 80, 95))


def normal(mean: float, deviation: float) -> Quantiles:
    values = [mean + deviation * NormalDist().inv_cdf(level) for level in LEVELS]
    return Quantiles("one", LEVELS, np.array([[values]]))


def test_a_pool_of_one_and_the_same_is_that():
    one = normal(3, 2)
    np.testing.assert_allclose(pooled([one, one, one]).values, one.values, rtol=ROUNDING)


def test_quantiles_of_a_pool_are_those_of_the_mixture():
    forecast = pooled([normal(0, 1), normal(4, 2)]).values[0, 0]
    for level, quantile in zip(LEVELS, forecast, strict=True):
        mixture = (NormalDist(0, 1).cdf(quantile) + NormalDist(4, 2).cdf(quantile)) / 2
        assert mixture == pytest.approx(level, rel=1e-6)


def test_a_pool_of_certain_forecasts_lies_between_them():
    certain = [Quantiles("one", LEVELS, np.full((2, 3, len(LEVELS)), value)) for value in (1.0, 5.0)]
    forecast = pooled(certain).values
    assert np.isfinite(forecast).all()
    assert ((forecast >= 1) & (forecast <= 5)).all()
    assert (np.diff(forecast, axis=-1) >= 0).all()
    np.testing.assert_allclose(pooled([certain[1]] * 2).values, 5, rtol=ROUNDING)


def test_without_intervals_a_pool_is_the_mean():
    parts = [Quantiles("one", (0.5,), np.full((1, 2, 1), value)) for value in (1.0, 4.0)]
    assert (pooled(parts).values == 2.5).all()


def test_in_a_backtest_it_is_made_of_the_others_forecasts():
    words = ("pool", "seasonal_naive", "auto_theta", "naive")
    contestants = {**{word: CONTESTANTS[word] for word in words}, "lstm": network()}
    for window in compare(panel(climbing(60)), setup(), windows=1, contestants=contestants).windows:
        parts = [window.forecasts[name] for name in ("SeasonalNaive", "AutoTheta")]  # not of what has to be trained
        np.testing.assert_array_equal(window.forecasts["Pool"].values, pooled(parts).values)
    alone = compare(panel(climbing(60)), setup(), contestants={word: CONTESTANTS[word] for word in ("pool", "naive")})
    assert set(alone.windows[0].forecasts) == {"Naive"}, "one is no pool"


def test_it_forecasts_with_members_of_its_own_and_goes_into_a_file(tmp_path: Path):
    series = panel(climbing(60), climbing(40))
    told = setup(levels=(80, 95))
    forecaster = Forecaster(4, model="pool").fit(series)
    forecast = forecaster.predict_quantiles()
    parts = [forecast_all(CONTESTANTS[word].make(told), series, told) for word in POOLED]
    np.testing.assert_array_equal(forecast.values, pooled(parts).values)
    forecaster.save(tmp_path / "pool")
    loaded = Forecaster.load(tmp_path / "pool")
    np.testing.assert_array_equal(loaded.predict_quantiles(series).values, forecast.values)
    with pytest.raises(InputError, match="a pool is of"):
        CONTESTANTS["pool"].restore(told, {}, {"drift": {}})


def test_without_a_season_it_has_the_naive_and_only_those_that_took_part():
    pool = CONTESTANTS["pool"].make(setup(season=1, members=frozenset({"naive", "auto_theta"})))
    assert list(pool.members) == ["naive", "auto_theta"]  # type: ignore[attr-defined]
