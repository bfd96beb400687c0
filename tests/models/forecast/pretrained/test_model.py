"""What the forecaster owes whatever its weights are."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
import torch
from tests.models.forecast.pretrained.untrained import forward, network
from tests.tolerance import FLOAT32_FORECAST, ROUNDING
from tools import make_numpy_step

from gatewise.cells import lstm
from gatewise.models.forecast.pretrained.learning import Batch
from gatewise.models.forecast.pretrained.model import between, forecast, patches, second_season, side_by_side
from gatewise.models.forecast.pretrained.network import LEVELS, MIDDLE, Sizes
from gatewise.models.forecast.pretrained.tokens import Reading, centred, grid
from gatewise.tables.panel import Floats

SEASONS = [(1, 1), (12, 1), (24, 168), (100, 1)]
HORIZON = 30


def drawn() -> list[Floats]:
    rng = np.random.default_rng(0)
    return [np.cumsum(rng.normal(size=length)) + rng.normal() for length in (3, 9, 40, 41, 150, 700, 1500)]


def of(series: list[Floats], season: int, second: int, reach: tuple[float, ...] = (0.5, 1.5, 0.2, 1.0, 2.0)) -> Floats:
    return forecast(forward(reach), series, season, second, HORIZON)


@pytest.mark.parametrize(("season", "second"), SEASONS)
def test_in_any_company_and_order_a_series_gets_the_same_bits(season, second):
    series = drawn()
    found = of(series, season, second)
    backwards = of(series[::-1], season, second)[::-1]
    alone = np.concatenate([of([values], season, second) for values in series])
    np.testing.assert_array_equal(backwards, found)
    np.testing.assert_array_equal(alone, found)


def test_in_much_company_a_series_gets_the_same_bits():
    """From 256 KiB on numpy computes in temporary arrays, whose order in memory may be another."""
    series = drawn()[2:4] * 60
    found = of(series, 12, 1)
    assert 2 * found.size * 4 > 256 << 10
    np.testing.assert_array_equal(found, np.tile(of(series[:2], 12, 1), (60, 1, 1)))


@pytest.mark.parametrize(("season", "second"), SEASONS)
def test_scale_and_place_of_a_series_do_not_matter(season, second):
    found = of(drawn(), season, second)
    np.testing.assert_array_equal(of([values * 8 for values in drawn()], season, second), found * 8)
    moved = of([3 * values + 1000 for values in drawn()], season, second)
    np.testing.assert_allclose(moved, 3 * found + 1000, rtol=FLOAT32_FORECAST)


@pytest.mark.parametrize(("season", "second"), SEASONS)
def test_upside_down_a_series_is_forecast_upside_down(season, second):
    found = of([-values for values in drawn()], season, second)
    np.testing.assert_array_equal(-found[..., ::-1], of(drawn(), season, second))


@pytest.mark.parametrize(("season", "second"), SEASONS)
def test_quantiles_do_not_cross(season, second):
    assert (np.diff(of(drawn(), season, second), axis=-1) >= 0).all()


def test_intervals_are_stretched_by_what_was_learned_of_their_reach():
    plain, found = of(drawn(), 12, 1, ()), of(drawn(), 12, 1, (0.5, 0.6, 0.8, 1.0, 2.0))
    factors = np.array([2.0, 1.0, 0.8, 0.6, 0.5, 0.0, 0.5, 0.6, 0.8, 1.0, 2.0])
    middle = plain[..., MIDDLE, None]
    np.testing.assert_allclose(found, middle + factors * (plain - middle), rtol=ROUNDING)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e9])
def test_a_constant_stays_one(value):
    found = of([np.full(length, value) for length in (3, 50, 700)], 12, 1)
    np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize(("season", "second"), SEASONS)
def test_the_first_step_depends_on_the_last_value(season, second):
    series = drawn()
    changed = [np.append(values[:-1], values[-1] + 1) for values in series]
    assert (of(series, season, second)[:, 0, MIDDLE] != of(changed, season, second)[:, 0, MIDDLE]).all()


def test_what_is_missing_is_not_asked_for():
    values = drawn()[-1]
    values[700:760] = np.nan
    assert np.isfinite(of([values], 24, 168)).all()


def test_a_series_is_read_from_its_first_observation_on():
    values = drawn()[-1]
    values[700:760] = np.nan
    late = [np.where(np.arange(len(values)) < 740, np.nan, values), values[760:]]
    np.testing.assert_array_equal(*(of([one], 100, 1) for one in late))
    patches_of_12 = 64 * 8
    cut = np.r_[values[:1000], np.full(20, np.nan), drawn()[-2][: patches_of_12 - 15]]  # 5 of the gap are looked at
    np.testing.assert_array_equal(of([cut], 12, 1), of([cut[1020:]], 12, 1))


def test_numpy_computes_what_torch_does():
    values, lengths = side_by_side(drawn(), 800)
    series, _ = centred(values, 12)
    reading, counts = Reading(series, grid(lengths, 12)), patches(lengths, 12)
    steps = reading.steps(counts[:, None] - 1, np.arange(1, HORIZON + 1)).at(0)
    parts = [torch.from_numpy(part) for part in (steps.experts, steps.valid, steps.features)]
    places = torch.arange(len(lengths)), torch.from_numpy(counts - 1)
    nothing = torch.zeros(0)
    with torch.no_grad():
        expected = network()(Batch(torch.from_numpy(reading.tokens), *places, *parts, nothing, nothing))
    found = forward().quantiles(*forward().read(reading.tokens, counts), steps)
    np.testing.assert_allclose(found, expected.numpy(), rtol=FLOAT32_FORECAST, atol=1e-5)


def test_the_step_in_numpy_is_the_cells_program():
    expected = make_numpy_step.rendered(lstm)
    assert make_numpy_step.TARGET.read_text() == expected, "run python tools/make_numpy_step.py"


def test_sizes_are_read_off_the_weights():
    assert Sizes.of(network().state_dict()) == network().sizes


def test_other_levels_lie_between_those_that_were_learned():
    known = np.array([NormalDist(5, 2).inv_cdf(level) for level in LEVELS])
    asked = (0.005, 0.025, 0.25, 0.5, 0.77, 0.9, 0.995)
    expected = [NormalDist(5, 2).inv_cdf(level) for level in asked]
    np.testing.assert_allclose(between(asked) @ known, expected)


def test_second_seasons_are_those_of_the_calendar():
    assert [second_season(season) for season in (1, 4, 7, 12, 24, 48, 52, 144)] == [1, 1, 365, 1, 168, 336, 1, 1008]
