"""The comparison: what each model may see, who takes part, and what the notes admit."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from tests.models.forecast.fakes import Oracle, climbing, network, panel, setup
from tests.tolerance import ROUNDING

from gatewise.errors import InputError
from gatewise.models.forecast.evaluation import contest as contests
from gatewise.models.forecast.evaluation.backtest import compare
from gatewise.models.forecast.evaluation.contest import TooShortError
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS, Contestant, field_of
from gatewise.models.forecast.evaluation.design import Design
from gatewise.models.forecast.model import Model, Setup
from gatewise.models.forecast.results import Backtest, Quantiles
from gatewise.tables.panel import Frequency, Panel

QUICK = {word: CONTESTANTS[word] for word in ("naive", "seasonal_naive")}
ALL = {**field_of(None, Setup(6, 1, (0.5,))), "lstm": network()}
SLACK = {**QUICK, "lstm": network(bias=-50)}
CLIMBING = {**QUICK, "lstm": network()}


def spied(contestants: dict[str, Contestant]) -> tuple[dict[str, Contestant], dict[str, Model]]:
    """The same contestants, and each model once made."""
    made: dict[str, Model] = {}

    def make(word: str, setup: Setup) -> Model:
        made[word] = contestants[word].make(setup)
        return made[word]

    return {word: replace(contestant, make=partial(make, word)) for word, contestant in contestants.items()}, made


def test_all_models_are_scored_best_first():
    result = compare(panel(climbing(60), climbing(52) + 9), setup(), contestants=ALL)
    apart = {"MSTL", "CrostonSBA", "TSB", "ADIDA", "Regression", "Direct"}  # for long seasons, rare demand, covariates
    assert {score.model for score in result.scores} == {contestant.name for contestant in ALL.values()} - apart
    figures = [score.relative for score in result.scores]
    assert figures == sorted(figures)
    assert result.judgement.best == result.scores[0].model
    assert all(set(score.coverage) == {80, 95} for score in result.scores)
    assert all(score.seconds > 0 for score in result.scores)


def test_the_network_learns_only_what_lies_before_the_first_window():
    series = panel(climbing(60), climbing(52))
    contestants, made = spied(CLIMBING)
    result = compare(series, setup(), windows=3, contestants=contestants)
    oracle = made["lstm"]
    assert isinstance(oracle, Oracle)
    assert oracle.learned == [48, 40]
    assert oracle.largest == climbing(48).max() < climbing(60).max()
    assert "The LSTM was trained once, on all but the last 12 observations" in result.notes[0]


def test_windows_follow_each_other_to_the_end_of_each_series():
    series = panel(climbing(60), climbing(40))
    result = compare(series, setup(horizon=5), windows=3, step=5, contestants=QUICK)
    assert [window.cutoffs for window in result.windows] == [(44, 24), (49, 29), (54, 34)]
    actual = np.concatenate([window.actual for window in result.windows], axis=1)
    assert (actual == np.stack([values[-15:] for values in series.values])).all()


def test_every_window_is_forecast_from_its_own_history():
    result = compare(panel(climbing(60)), setup(horizon=5), windows=3, step=5, contestants=CLIMBING)
    for window, end in zip(result.windows, (45, 50, 55), strict=True):
        assert (window.forecasts["Naive"].median == climbing(60)[end - 1]).all()
        assert window.forecasts["LSTM"].median[0] == pytest.approx(climbing(60)[end : end + 5], rel=ROUNDING)


def test_nothing_after_a_cutoff_changes_what_was_forecast_before_it():
    series = climbing(60)
    changed = series.copy()
    changed[-4:] += 1000
    before, after = (
        compare(panel(values), setup(), windows=3, step=4, contestants=ALL).windows for values in (series, changed)
    )
    for first, second in zip(before, after, strict=True):
        for model, forecast in first.forecasts.items():
            assert (forecast.values == second.forecasts[model].values).all()


def test_scores_by_hand():
    # Naive on 2 2 2 12 | 14 with season 1: scale 10 / 3, error 2
    result = compare(
        panel([2, 2, 2, 12, 14], season=1), setup(1, 1, (80,)), windows=1, contestants={"naive": CONTESTANTS["naive"]}
    )
    naive = result.score("Naive")
    assert naive.mase == pytest.approx(2 / (10 / 3), rel=ROUNDING)
    assert naive.smape == pytest.approx(200 * 2 / 26, rel=ROUNDING)
    assert naive.error_by_step == pytest.approx([0.6], rel=ROUNDING)
    assert naive.coverage == {80: 100.0, 95: 100.0}


def test_scores_are_of_the_same_levels_whichever_are_shown():
    series = panel(climbing(60))
    first, other = (compare(series, setup(levels=levels), contestants=QUICK) for levels in ((80, 95), (50,)))
    assert [(score.wql, score.msis) for score in first.scores] == [(score.wql, score.msis) for score in other.scores]
    assert set(other.scores[0].coverage) == {50, 80, 95}


def test_the_winner_and_its_rival_are_named():
    won = compare(panel(climbing(60)), setup(), contestants=CLIMBING)
    assert (won.judgement.best, won.judgement.chosen) == ("LSTM", "LSTM")
    assert won.judgement.runner_up == "SeasonalNaive"
    lost = compare(panel(climbing(60)), setup(), contestants=SLACK)
    assert lost.judgement.chosen == "SeasonalNaive"
    assert "the forecast is SeasonalNaive's." in lost.verdict
    told = compare(panel(climbing(60)), setup(), contestants=SLACK, chosen="lstm")
    assert "; the forecast is the LSTM's, as asked." in told.verdict


def test_series_too_short_for_the_windows_are_left_out_and_named():
    result = compare(panel(climbing(60), climbing(20), climbing(60)), setup(), contestants=CLIMBING)
    assert all(window.series.tolist() == [0, 2] for window in result.windows)
    assert "1 of 3 series have fewer than 21 observations and were not compared (b)." in result.notes
    assert "(9 windows of 4 steps, 2 series)" in result.verdict


def test_fewer_windows_where_the_series_have_no_room():
    result = compare(panel(climbing(18)), setup(), contestants=QUICK)
    assert [window.steps_back for window in result.windows] == [9, 8, 7, 6, 5, 4]
    assert result.notes[0] == (
        "The windows take the last 9 observations of each series instead of 12: the series have no more room."
    )


def test_a_network_that_joins_takes_no_window_from_the_others():
    with_it, without = (compare(panel(climbing(21)), setup(), contestants=these) for these in (CLIMBING, QUICK))
    assert [window.steps_back for window in with_it.windows] == [window.steps_back for window in without.windows]
    assert with_it.notes[0] == (
        "The series are too short for the LSTM (the median has 21 observations, the windows take 12 and 12 before them "
        "are needed)."
    )


def test_a_network_that_was_chosen_leaves_the_others_the_room_it_does_not_need():
    result = compare(panel(climbing(21)), setup(), contestants=CLIMBING, chosen="lstm")
    assert "LSTM" in {score.model for score in result.scores}
    assert [window.steps_back for window in result.windows] == [9, 8, 7, 6, 5, 4]
    assert result.notes[0] == (
        "The windows take the last 9 observations of each series instead of 12: the series have no more room that the "
        "LSTM leaves."
    )


def test_too_short_for_a_network_is_said_and_a_baseline_wins():
    result = compare(panel(climbing(15)), setup(), contestants=CLIMBING)
    assert "LSTM" not in {score.model for score in result.scores}
    assert (
        "The series are too short for the LSTM (the median has 15 observations, the windows take 6 and 12 before them "
        "are needed)."
    ) in result.notes


def test_too_short_for_any_window_is_an_error():
    with pytest.raises(TooShortError, match="the median has 8 observations, a window of 4 and 9 before it"):
        compare(panel(climbing(8)), setup(), contestants=CLIMBING)


def test_a_network_whose_training_fails_stays_out():
    class Diverging(Oracle):
        def fit(self, panel: Panel) -> None:
            raise InputError("training stopped: the loss is nan")

    contestants = {
        **QUICK,
        "lstm": Contestant("LSTM", Diverging, network().restore, learns=True, in_a_sentence="the LSTM"),
    }
    result = compare(panel(climbing(60)), setup(), contestants=contestants)
    assert "LSTM" not in {score.model for score in result.scores}
    assert "The LSTM could not be trained (training stopped: the loss is nan)." in result.notes


def test_a_network_that_forecasts_no_number_for_one_series_loses():
    class Lost(Oracle):
        def predict(self, panel: Panel) -> Quantiles:
            forecast = super().predict(panel)
            forecast.values[0] = np.nan
            return forecast

    contestants = {**QUICK, "lstm": Contestant("LSTM", Lost, network().restore, learns=True, in_a_sentence="the LSTM")}
    result = compare(panel(climbing(60), climbing(60)), setup(), contestants=contestants)
    assert result.scores[-1].model == "LSTM"
    assert np.isnan(result.scores[-1].mase)


def test_many_series_are_sampled_for_the_costly_and_all_are_compared_on_the_sample(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(contests, "SAMPLE", 3)
    series = panel(*(climbing(40) + row for row in range(8)))
    first, again, other = (compare(series, setup(seed=seed), contestants=ALL) for seed in (0, 0, 1))
    rows = [result.windows[0].series.tolist() for result in (first, again, other)]
    assert rows[0] == rows[1] != rows[2]
    assert all(forecast.values.shape[0] == 3 for forecast in first.windows[0].forecasts.values())
    assert (
        "AutoTheta, AutoETS and AutoARIMA ran on 3 of 8 series, drawn at random (seed 0), of every length, scale "
        "and kind: all models are compared on these; the LSTM learned from all series."
    ) in first.notes
    assert compare(series, setup(), contestants=CLIMBING).windows[0].actual.shape[0] == 8


def test_a_series_that_repeats_itself_has_no_mase_and_is_said():
    result = compare(panel(climbing(60), [5.0] * 60), setup(), contestants=CLIMBING)
    assert np.isfinite([score.mase for score in result.scores]).all()
    assert result.notes[-1] == (
        "MASE and MSIS are not defined for 1 of 2 series, which repeat themselves every season (b): they are left out "
        "of these means, but not of the comparison with the naive forecast."
    )
    alone = compare(panel([5.0] * 60), setup(), contestants=QUICK)
    assert alone.judgement.chosen == "Naive"
    assert [score.relative for score in alone.scores] == [1, 1]


def test_notes_of_the_models_are_passed_on_once():
    result = compare(
        panel(climbing(6), climbing(6), season=1),
        setup(1, season=1),
        windows=2,
        contestants={"auto_ets": CONTESTANTS["auto_ets"]},
    )
    stand_ins = [note for note in result.notes if "stands in" in note]
    assert len(stand_ins) == len(set(stand_ins)) == 1


@pytest.mark.parametrize("windows", [0, -1, 2.0, True])
def test_windows_is_a_positive_whole_number(windows: object):
    with pytest.raises(InputError, match="`windows` is"):
        compare(panel(climbing(60)), setup(), windows=windows, contestants=QUICK)  # type: ignore[arg-type]


def test_progress_never_goes_back_and_ends_at_one():
    heard: list[float] = []
    compare(panel(climbing(60)), setup(progress=lambda done, words: heard.append(done)), contestants=ALL)
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(1.0, rel=ROUNDING)


def test_the_same_twice():
    def figures(result: Backtest) -> list[tuple[str, float, float, float]]:
        return [(score.model, score.mase, score.smape, score.wql) for score in result.scores]

    series = panel(climbing(60), climbing(44) * 2)
    assert figures(compare(series, setup(), contestants=ALL)) == figures(compare(series, setup(), contestants=ALL))


def test_windows_overlap_where_the_step_is_short():
    result = compare(panel(climbing(60)), setup(), windows=2, contestants=QUICK)
    assert [window.steps_back for window in result.windows] == [8, 7, 6, 5, 4]
    assert result.step == 1
    for window in result.windows:
        np.testing.assert_array_equal(window.actual[0], climbing(60)[60 - window.steps_back :][:4])
    assert compare(panel(climbing(60)), setup(), windows=2, step=4, contestants=QUICK).step == 4
    with pytest.raises(InputError, match="`step` is 5"):
        compare(panel(climbing(60)), setup(), step=5, contestants=QUICK)


@pytest.mark.parametrize(
    ("horizon", "origins"),
    [
        (1, range(9, 0, -1)),
        (2, range(10, 1, -1)),
        (3, range(12, 2, -1)),
        (4, range(12, 3, -1)),
        (12, range(36, 11, -3)),
    ],
)
def test_there_are_nine_windows_or_more_unless_it_is_asked_otherwise(horizon: int, origins: range):
    assert Design.of(horizon).origins(10**6) == origins
    assert list(Design.of(horizon, 3, horizon).origins(10**6)) == [3 * horizon, 2 * horizon, horizon]
    assert list(Design.of(horizon).origins(horizon)) == [horizon]


def test_a_network_is_trained_again_at_each_cutoff_where_that_is_asked_for():
    contestants, made = spied(
        {**QUICK, "lstm": Contestant("LSTM", Trained, network().restore, learns=True, in_a_sentence="the LSTM")}
    )
    result = compare(panel(climbing(60)), setup(), windows=2, step=2, refit=True, contestants=contestants)
    oracle = made["lstm"]
    assert isinstance(oracle, Trained)
    assert oracle.lengths == [52, 54, 56]
    assert "The LSTM was trained again before each window, on what came before it." in result.notes


class Trained(Oracle):
    """Remembers each training."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.lengths: list[int] = []

    def fit(self, panel: Panel) -> None:
        super().fit(panel)
        self.lengths += self.learned


def monthly(*spans: tuple[str, int]) -> Panel:
    """Series from a month on, each of so many observations."""
    series = panel(*(climbing(length) for _, length in spans))
    times = tuple(pd.date_range(start, periods=length, freq="MS").to_numpy() for start, length in spans)
    return replace(series, times=times, frequency=Frequency("MS"))


def test_no_network_learns_from_times_after_the_first_cutoff_of_any_series():
    series = monthly(("2001-01", 60), ("2001-01", 56), ("2001-01", 30))
    contestants, made = spied(CLIMBING)
    result = compare(series, setup(), step=4, contestants=contestants)
    assert [window.series.tolist() for window in result.windows] == [[0, 1]] * 3
    oracle = made["lstm"]
    assert isinstance(oracle, Oracle)
    assert oracle.learned == [44, 44, 30], "up to the cutoff of the series that ends sooner"
    assert "2 of 3 series end before the others (b, c): each is forecast from its own end." in result.notes
    assert "1 series that ended 12 steps or more before the last were not compared (c)." in result.notes


def test_series_that_end_all_over_are_compared_and_that_is_said():
    series = monthly(("2001-01", 60), ("1981-01", 60), ("1971-01", 60))
    contestants, made = spied(CLIMBING)
    result = compare(series, setup(), step=4, contestants=contestants)
    assert result.windows[0].series.tolist() == [0, 1, 2]
    assert isinstance(oracle := made["lstm"], Oracle)
    assert oracle.learned == [48, 48, 48]
    assert "So many end apart that networks may have learned from times after a window." in result.notes


def test_without_a_season_there_is_one_naive():
    result = compare(panel(climbing(60), season=1), setup(season=1), contestants=QUICK)
    assert {score.model for score in result.scores} == {"Naive"}
