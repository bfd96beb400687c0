"""Leads and their standard errors, against figures worked out by hand and against theory."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from tests.models.forecast.evaluation import made
from tests.tolerance import ROUNDING, SIGMAS

from gatewise.models.forecast.evaluation.differences import Errors, variance_of_mean
from gatewise.models.forecast.results import Quantiles


def near(expected: object) -> object:
    return pytest.approx(expected, rel=ROUNDING)  # type: ignore[arg-type]


def test_one_series_by_hand():
    errors = made.errors(A=[[1.0], [2.0], [3.0]], B=[[3.0], [2.0], [7.0]])
    found = errors.difference("A", "B")
    assert found.lead == near(math.log(12 / 6))
    shares = np.array([3 / 4, 2 / 4, 7 / 4]) - np.array([1 / 2, 2 / 2, 3 / 2])
    assert found.standard_error == near(shares.std(ddof=1) / math.sqrt(3))
    assert found.freedom == 2
    assert found.won == near((1 + 0.5 + 1) / 3)
    back = errors.difference("B", "A")
    assert (back.lead, back.standard_error, back.won) == (-found.lead, found.standard_error, near(1 - found.won))


def test_models_that_are_next_to_alike_are_compared():
    """Their variance is a number whose square is none."""
    found = made.errors(A=[[1.0], [1e-90], [0.0]], B=[[1.0], [0.0], [0.0]]).difference("A", "B")
    assert 0 < found.standard_error < 1e-80
    assert found.freedom == near(2)


def test_without_overlap_it_is_the_t_test():
    values = np.random.default_rng(0).normal(0.3, 1.0, 9)
    variance = variance_of_mean(values, 0)
    assert values.mean() / math.sqrt(variance) == near(ttest_1samp(values, 0).statistic)


def test_windows_that_overlap_count_for_less():
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(4000, 12))
    moving = np.stack([draws[:, at : at + 4].mean(axis=1) for at in range(9)], axis=0)  # K = 9, each shares 3 of 4
    true = moving.mean(axis=0).var()
    plain, known = (variance_of_mean(moving, overlap).mean() for overlap in (0, 3))
    assert plain < 0.4 * true
    assert 0.7 * true < known < 1.5 * true


def test_what_all_series_share_in_a_window_is_no_news():
    """Ten series that move together tell as little as one; ten on their own tell more."""
    rng = np.random.default_rng(2)
    together = np.repeat(rng.uniform(0.5, 1.5, (6, 1)), 10, axis=1)
    apart = rng.uniform(0.5, 1.5, (6, 10))
    one, shared, own = (
        made.errors(A=errors, B=np.ones_like(errors)).difference("A", "B").standard_error
        for errors in (together[:, :1], together, apart)
    )
    assert shared == pytest.approx(one, rel=0.1)
    assert own < 0.6 * one


def test_one_window_of_one_series_shows_nothing():
    found = made.errors(A=[[1.0]], B=[[3.0]]).difference("A", "B")
    assert found.standard_error == math.inf
    assert not found.ahead
    assert found.chance == 1


def test_no_series_decides_alone():
    errors = made.errors(A=[[1.0, 1.0, 9e9]], B=[[2.0, 2.0, 1.0]])
    assert errors.relative("A", "B") == near((0.5 * 0.5 * 100) ** (1 / 3))
    exact = made.errors(A=[[0.0, 1.0]], B=[[0.0, 2.0]])
    assert exact.relative("A", "B") == near(math.sqrt(0.5))


def test_what_was_not_observed_does_not_count():
    known = made.errors(A=[[1.0, 2.0], [3.0, 1.0]], B=[[2.0, 2.0], [4.0, 3.0]])
    hidden = made.errors(A=[[1.0, 2.0], [3.0, 1.0], [9.0, np.nan]], B=[[2.0, 2.0], [4.0, 3.0], [1.0, np.nan]])
    observed = np.array([[True, True], [True, True], [False, False]])
    hidden = replace(hidden, observed=observed)
    assert hidden.relative("A", "B") == near(known.relative("A", "B"))
    assert hidden.difference("A", "B").won == near(known.difference("A", "B").won)


def test_a_forecast_that_is_no_number_is_behind():
    errors = made.errors(A=[[1.0], [np.nan]], B=[[2.0], [3.0]])
    assert errors.relative("A", "B") == math.inf
    assert errors.difference("B", "A").ahead
    assert not errors.difference("A", "B").ahead


def test_the_seeds_of_a_network_widen_its_standard_error():
    plain = made.errors(A=[[1.0], [1.1], [0.9]], B=[[2.0], [2.1], [1.9]])
    members = np.array([[[1.0], [1.1], [0.9]], [[2.0], [2.2], [1.8]], [[0.5], [0.6], [0.4]]])
    drawn = replace(plain, members={"A": members})
    spread = np.log(members.mean(axis=1)[:, 0]).std(ddof=1) / math.sqrt(3)
    assert drawn.difference("A", "B").standard_error == near(
        math.hypot(plain.difference("A", "B").standard_error, spread)
    )


def test_without_a_window_those_that_share_its_steps_are_left_out_too():
    errors = made.errors(overlap=1, A=np.arange(5.0)[:, None], B=np.ones((5, 1)))
    assert errors.without(2).models["A"].ravel().tolist() == [0, 4]
    assert errors.without(0).models["A"].ravel().tolist() == [2, 3, 4]


def test_errors_of_windows():
    actual = np.array([[1.0, 2.0, np.nan], [np.nan, np.nan, np.nan]])
    forecast = made.normal("A", np.array([[2.0, 4.0, 9.0], [0.0, 0.0, 0.0]]))
    members = np.stack([forecast.median, forecast.median + 1])
    forecast = Quantiles("A", forecast.levels, forecast.values, members=members)
    errors = Errors.of([made.window(actual, {"A": forecast}, 3)], step=2)
    assert errors.observed.tolist() == [[True, False]]
    assert errors.models["A"][0, 0] == near(1.5)
    assert errors.members["A"][:, 0, 0] == near([1.5, 2.5])
    assert errors.overlap == 1


def test_equally_good_models_are_seldom_told_apart():
    """Of a thousand pairs of equal models no more than the level of the test, by its own account, are."""
    rng, level, count = np.random.default_rng(3), 0.05, 1000
    claims = [
        made.errors(A=rng.gamma(4, 1, (6, 1)), B=rng.gamma(4, 1, (6, 1))).difference("A", "B").chance <= level
        for _ in range(count)
    ]
    assert np.mean(claims) <= level + SIGMAS * math.sqrt(level * (1 - level) / count)
