"""The contestants that take covariates: they use them, and nothing that comes later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.forecast.fakes import setup

from gatewise.models.forecast.evaluation.contestants import CONTESTANTS
from gatewise.tables.covariates import Covariate, Covariates
from gatewise.tables.panel import Frequency, Panel

SEASON, HORIZON = 6, 6
INFORMED = [word for word, contestant in CONTESTANTS.items() if contestant.informed and not contestant.learns]
MADE = [(word, rolling) for word in INFORMED for rolling in (False, True)]


def panel(length: int = 600, role: str = "known", seed: int = 0) -> Panel:
    """Waves that follow one covariate and are indifferent to another."""
    rng = np.random.default_rng(seed)
    warm, noise = rng.normal(size=(2, length + HORIZON))
    steps = np.arange(length + HORIZON)
    values = 100 + 10 * np.sin(2 * np.pi * steps / SEASON) + 8 * warm + rng.normal(size=len(steps))
    columns = tuple(Covariate(name, role=role) for name in ("warm", "noise"))  # type: ignore[arg-type]
    return Panel(
        ("a",),
        (steps[:length],),
        (values[:length],),
        Frequency("1"),
        SEASON,
        covariates=Covariates(columns, (np.column_stack((warm, noise)),)),
    )


def made(word: str, rolling: bool, horizon: int = HORIZON):
    told = setup(horizon, SEASON, covariates=True)
    contestant = CONTESTANTS[word]
    assert contestant.entrant is not None
    return contestant.entrant(told) if rolling else contestant.make(told)


@pytest.mark.parametrize(("word", "rolling"), MADE)
def test_what_is_known_ahead_is_used(word: str, rolling: bool):
    whole = panel()
    actual, past = whole.values[0][-HORIZON:], whole.without_last(HORIZON)
    model, plain = made(word, rolling), CONTESTANTS["seasonal_naive"].make(setup(HORIZON, SEASON))
    errors = [np.abs(one.predict(past).median[0] - actual).mean() for one in (model, plain)]
    assert errors[0] < 0.4 * errors[1]


@pytest.mark.parametrize(("word", "rolling"), MADE)
def test_nothing_of_the_future_but_what_is_known_is_used(word: str, rolling: bool):
    whole = panel(role="past")
    covariates = whole.covariates
    assert covariates is not None
    changed = covariates.values[0].copy()
    changed[-2 * HORIZON :] = 1e3
    other = replace(whole, covariates=replace(covariates, values=(changed,)))
    first, second = (made(word, rolling).predict(one.without_last(HORIZON)) for one in (whole, other))
    assert np.array_equal(first.values, second.values)


@pytest.mark.parametrize("word", INFORMED)
def test_in_a_backtest_it_shows_what_each_is_worth(word: str):
    whole = panel()
    forecast = made(word, True).predict(whole.without_last(HORIZON))
    moved = {name: np.abs(medians - forecast.median).mean() for name, medians in forecast.shuffled.items()}
    assert moved["warm"] > 5 * moved["noise"]
    assert forecast.shuffled["warm"].shape[1:] == forecast.median.shape


@pytest.mark.parametrize("word", INFORMED)
def test_a_rolling_one_ends_where_one_that_begins_there_does(word: str):
    whole, rolling = panel(), made(word, True)
    for back in (4 * HORIZON, 2 * HORIZON, HORIZON):
        rolled = rolling.predict(whole.without_last(back))
    alone = made(word, False).predict(whole.without_last(HORIZON))
    assert np.abs(rolled.median - alone.median).mean() < 1.0


@pytest.mark.slow
@pytest.mark.parametrize("word", INFORMED)
def test_intervals_hold_about_what_they_say(word: str):
    held = []
    rolling = made(word, True)
    whole = panel(900)
    for back in range(30 * HORIZON, 0, -HORIZON):
        low, high = rolling.predict(whole.without_last(back)).interval(80)
        end = len(whole.values[0]) - back
        actual = whole.values[0][end : end + HORIZON]
        held.append((low[0] <= actual) & (actual <= high[0]))
    assert 0.6 < np.mean(held) < 0.95


def test_what_is_static_is_of_no_use_and_that_is_said():
    whole = panel(role="static")
    assert made("regression", False).predict(whole).notes == (
        "Regression takes each series on its own and has no use for 'warm' and 'noise'.",
    )


def test_they_take_part_only_where_there_are_covariates():
    with_them, without = setup(HORIZON, SEASON, covariates=True), setup(HORIZON, SEASON)
    for word in INFORMED:
        assert CONTESTANTS[word].enters(with_them, False)
        assert not CONTESTANTS[word].enters(without, False)
    assert not CONTESTANTS["direct"].enters(setup(SEASON + 1, SEASON, covariates=True), False)
