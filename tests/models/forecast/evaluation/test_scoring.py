"""The sentence says who won, by how much, and whose forecast the reader gets."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gatewise.models.forecast.evaluation.scoring import Verdict, ranked
from gatewise.models.forecast.results import Score

TRIAL = "3 windows of 12 steps"


def score(model: str, mase: float, smape: float = 10.0) -> Score:
    return Score(model, mase, smape, 0.1, 5.0, {80: 80.0}, 1.0, np.array([mase]))


def sentence(*scores: Score, network: bool = True, chosen: str | None = None, absent: str = "") -> str:
    return str(Verdict(ranked(scores), TRIAL, {"LSTM": "lstm"} if network else {}, absent, chosen))


LSTM, NAIVE, ETS = score("LSTM", 0.66), score("Naive", 1.31), score("AutoETS", 0.61)


def test_the_network_wins():
    expected = "LSTM wins: MASE 0.66 against 1.31 for Naive (3 windows of 12 steps)."
    assert sentence(LSTM, NAIVE) == expected
    assert sentence(LSTM, NAIVE, chosen="LSTM") == expected


def test_a_baseline_wins_and_forecasts():
    assert sentence(LSTM, NAIVE, ETS) == (
        "AutoETS beats the LSTM (MASE 0.61 against 0.66, 3 windows of 12 steps), "
        "so the forecast is AutoETS's; choose the model lstm to override."
    )


def test_a_baseline_wins_but_the_network_was_asked_for():
    assert sentence(LSTM, NAIVE, ETS, chosen="LSTM") == (
        "AutoETS beats the LSTM (MASE 0.61 against 0.66, 3 windows of 12 steps); the forecast is the LSTM's, as asked."
    )


def test_the_network_wins_but_a_baseline_was_asked_for():
    assert sentence(LSTM, NAIVE, chosen="Naive") == (
        "LSTM beats Naive (MASE 0.66 against 1.31, 3 windows of 12 steps); the forecast is Naive's, as asked."
    )


def test_no_network_took_part():
    absent = "The series are too short for the LSTM"
    assert sentence(NAIVE, ETS, network=False, absent=absent) == (
        "The series are too short for the LSTM, so the forecast is AutoETS's: "
        "MASE 0.61 against 1.31 for Naive (3 windows of 12 steps)."
    )
    assert sentence(NAIVE, ETS, network=False, absent=absent, chosen="LSTM").startswith(absent + "; of the others")


def test_smape_decides_where_mase_is_not_defined():
    scores = score("LSTM", math.nan, 4.0), score("Naive", math.nan, 3.0)
    assert "Naive beats the LSTM (sMAPE 3.00 against 4.00" in sentence(*scores)


def test_figures_get_digits_until_they_differ():
    assert "MASE 0.6101 against 0.6102" in sentence(score("LSTM", 0.6102), score("Naive", 0.6101))


def test_equal_figures_are_called_equal_and_the_simpler_model_wins():
    scores = score("Naive", 0.5), score("LSTM", 0.5)
    assert sentence(*scores).startswith("Naive equals the LSTM (MASE 0.50 against 0.50")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_a_model_without_a_figure_comes_last(order: tuple[int, ...]):
    scores = [score("A", math.nan, math.nan), score("B", 2.0), score("C", 1.0)]
    assert [one.model for one in ranked([scores[at] for at in order])] == ["C", "B", "A"]


def test_one_model_alone():
    assert sentence(NAIVE, network=False) == "Naive wins: MASE 1.31 (3 windows of 12 steps)."
