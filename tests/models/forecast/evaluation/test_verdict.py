"""The sentences say what is shown, whose forecast the reader gets, and how far to trust it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.models.forecast import outcomes

from gatewise.models.forecast.evaluation.calibration import Coverage
from gatewise.models.forecast.evaluation.verdict import Participants, Size, Verdict

SIZE = Size(3, 12, 1, 36)
SCORES = outcomes.backtest(outcomes.panel()).scores
VERDICT = Verdict(outcomes.judgement(), SCORES, SIZE, Participants({}, called={"LSTM": "the LSTM"}))
EXPECTED = " Chosen without the window it is scored on, the model had 0.62 of that error."


def test_a_win_names_the_runner_up():
    assert str(replace(VERDICT, judgement=outcomes.judgement("wins"))) == (
        "LSTM wins: 0.50 of the seasonal naive forecast's error, 0.65 for AutoETS, the next best (3 windows of 12 "
        "steps); the forecast is the LSTM's." + EXPECTED
    )


def test_what_is_too_close_to_call_is_said():
    assert str(VERDICT) == (
        "Too close to call: the LSTM 0.50 and AutoETS 0.65 of the seasonal naive forecast's error (3 windows of 12 "
        "steps); the forecast is the LSTM's." + EXPECTED
    )


def test_the_figure_of_the_one_that_forecasts_is_given_too():
    chosen = replace(outcomes.judgement(), chosen="Naive")
    assert "the LSTM 0.50, AutoETS 0.65 and Naive 1.10 of the" in str(replace(VERDICT, judgement=chosen))


def test_no_better_than_the_naive():
    judgement = outcomes.judgement("naive")
    assert str(replace(VERDICT, judgement=judgement)).startswith(
        "No model did better than the seasonal naive forecast by more than chance: the LSTM 0.50 and AutoETS 0.65 of "
        "its error (3 windows of 12 steps); the forecast is the LSTM's."
    )
    plain = replace(VERDICT, judgement=replace(judgement, naive="Naive", chosen="Naive"))
    assert str(plain).startswith(
        "No model did better than the naive forecast by more than chance: the LSTM 0.50, AutoETS 0.65 and Naive 1.10 "
        "of the seasonal naive forecast's error"
    )
    first = replace(VERDICT, judgement=replace(judgement, best="SeasonalNaive", runner_up="Naive"))
    assert str(first).startswith("No model did better than the seasonal naive forecast: ")


def test_too_few_values_are_counted():
    few = replace(VERDICT, judgement=outcomes.judgement("few"), size=Size(3, 1, 1, 3))
    assert str(few) == "Not enough to choose by: 3 windows of 1 step hold 3 values; the forecast is the LSTM's."


def test_a_model_that_was_asked_for_is_not_recommended():
    asked = replace(VERDICT, participants=Participants({}, {"LSTM": "the LSTM"}, asked="Naive"))
    assert str(asked).endswith("(3 windows of 12 steps); the forecast is Naive's, as asked.")
    unknown = replace(VERDICT, participants=Participants({}, {"LSTM": "the LSTM"}, asked="AutoARIMA"))
    assert str(unknown).endswith("; the forecast is AutoARIMA's, as asked, which was not compared.")


def test_one_window_cannot_judge_its_own_choice():
    alone = replace(VERDICT, judgement=replace(outcomes.judgement(), expected=float("nan")))
    assert str(alone).endswith("It was chosen on the window that it is scored on: expect a larger error.")


@pytest.mark.parametrize(
    ("factors", "remedy"),
    [({}, "read it as too narrow."), ({80: 1.4, 95: 1.31}, "it is widened 1.40-fold and 1.31-fold.")],
)
def test_intervals_that_fall_short_are_said(factors: dict[int, float], remedy: str):
    held = Coverage(80, 50.0, 14.0, 36), Coverage(95, 69.0, 8.0, 36)
    assert str(replace(VERDICT, held=held, widening=factors)).endswith(
        "Of 36 values 50 % lay in its 80 % interval and 69 % lay in its 95 % interval, fewer than chance explains: "
        + remedy
    )
    assert "chance" not in str(replace(VERDICT, held=(replace(held[0], standard_error=20.0),)))


def test_one_model_alone():
    alone = replace(VERDICT, scores=SCORES[:1])
    assert str(alone) == "The LSTM alone was tested (3 windows of 12 steps); the forecast is the LSTM's."
