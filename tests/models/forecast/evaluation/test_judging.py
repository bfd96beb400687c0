"""What is claimed, and which model forecasts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from tests.models.forecast.evaluation import made
from tests.tolerance import ROUNDING

from gatewise.models.forecast.evaluation.differences import Errors
from gatewise.models.forecast.evaluation.judging import POOL, chosen, expected, judge
from gatewise.models.forecast.evaluation.scoring import leaderboard, reference
from gatewise.models.forecast.results import Judgement

ONES = np.ones((6, 1))
UNREST = np.array([[1.0], [1.1], [0.9], [1.05], [0.95], [1.0]])


def judged(errors: Errors, values: int = 100) -> Judgement:
    zeros = np.zeros((errors.observed.shape[1], 2))
    forecasts = {name: made.normal(name, zeros) for name in errors.models}
    windows = [made.window(zeros, forecasts, 2 * (row + 1)) for row in range(len(errors.observed))]
    return judge(errors, leaderboard(windows, errors, 2, dict.fromkeys(errors.models, 0.0)), values)


def test_a_model_that_is_always_ahead_wins():
    found = judged(made.errors(Naive=2 * ONES * UNREST, A=ONES, B=1.8 * ONES * UNREST[::-1]))
    assert (found.claim, found.best, found.runner_up, found.naive, found.chosen) == ("wins", "A", "B", "Naive", "A")


def test_two_that_beat_the_naive_may_be_too_close_to_call():
    found = judged(made.errors(Naive=2 * ONES, A=ONES, B=1.01 * UNREST))
    assert (found.claim, found.best, found.runner_up) == ("close", "A", "B")


def test_no_better_than_the_naive_is_said():
    assert judged(made.errors(Naive=ONES, A=UNREST)).claim == "naive"
    assert judged(made.errors(Naive=ONES, A=2 * ONES)).claim == "naive"


def test_the_better_of_the_naive_forecasts_is_what_counts():
    found = judged(made.errors(Naive=ONES, SeasonalNaive=3 * ONES, A=UNREST))
    assert (found.claim, found.naive, found.reference) == ("naive", "Naive", "SeasonalNaive")


@pytest.mark.parametrize(("windows", "values"), [(2, 100), (6, 19)])
def test_few_values_show_nothing(windows: int, values: int):
    assert judged(made.errors(Naive=2 * ONES[:windows], A=ONES[:windows]), values).claim == "few"


def test_the_pool_forecasts_unless_a_model_is_ahead_of_it():
    ahead, level = 0.5 * UNREST, 0.98 * UNREST
    assert chosen(made.errors(**{"Naive": ONES, "A": ahead, POOL: ONES})) == "A"
    assert chosen(made.errors(**{"Naive": ONES, "A": level, POOL: ONES})) == POOL


def test_without_a_pool_the_simplest_of_those_that_are_close_forecasts():
    assert chosen(made.errors(Naive=ONES, A=0.99 * UNREST, B=0.98 * UNREST)) == "Naive"
    assert chosen(made.errors(Naive=2 * ONES, A=ONES, B=0.99 * UNREST)) == "A"


def test_a_model_without_a_number_never_forecasts():
    lost = np.full((6, 1), np.nan)
    assert chosen(made.errors(A=lost, B=ONES)) == "B"
    assert judged(made.errors(A=lost, B=ONES)).best == "B"


def test_what_is_expected_comes_from_windows_that_had_no_say():
    """Models that are good by luck in single windows are expected to do no better than the others."""
    errors = made.errors(Naive=ONES, A=np.array([[0.1], *[[1.2]] * 5]))
    assert errors.relative("A", reference(errors)) > 1
    lucky = made.errors(SeasonalNaive=ONES, A=np.array([[0.01], [0.01], [0.01], [2.0], [2.0], [1.9]]))
    assert lucky.relative("A", "SeasonalNaive") < 1
    assert expected(lucky) == pytest.approx(1, abs=0.35)
    assert math.isnan(expected(made.errors(Naive=ONES[:1], A=ONES[:1])))


def test_choosing_from_noise_is_expected_to_gain_nothing():
    rng = np.random.default_rng(0)

    def mean_of(figure: Callable[[Errors], float]) -> float:
        drawn = np.random.default_rng(0)
        models = [{name: drawn.gamma(9, 1 / 9, (3, 4)) for name in ("Naive", "A", "B", "C", "D")} for _ in range(200)]
        return float(np.mean([math.log(figure(made.errors(**one))) for one in models]))

    assert rng is not None
    assert mean_of(lambda errors: min(errors.relative(name, "Naive") for name in errors.models)) < -0.08
    assert abs(mean_of(expected)) < 0.02


def test_the_reference_is_the_seasonal_naive_where_there_is_one():
    assert reference(made.errors(Naive=ONES, SeasonalNaive=ONES, A=ONES)) == "SeasonalNaive"
    assert reference(made.errors(Naive=ONES, A=ONES)) == "Naive"
    assert reference(made.errors(A=ONES)) == "A"


@pytest.mark.parametrize("order", [("A", "B", "C"), ("C", "B", "A")])
def test_the_leaderboard_is_best_first_and_one_without_a_figure_last(order: tuple[str, ...]):
    rows = {"A": np.full((6, 1), np.nan), "B": 2 * ONES, "C": ONES}
    errors = made.errors(Naive=ONES * 3, **{name: rows[name] for name in order})
    zeros = np.zeros((1, 2))
    windows = [made.window(zeros, {name: made.normal(name, zeros) for name in errors.models}, 2)] * 6
    scores = leaderboard(windows, errors, 2, dict.fromkeys(errors.models, 0.0))
    assert [score.model for score in scores] == ["C", "B", "Naive", "A"]
    assert scores[0].relative == pytest.approx(1 / 3, rel=ROUNDING)
    assert [score.best for score in scores] == [100, 0, 0, 0]
