"""The verdict says what intervals, times and floors say, in one sentence."""

from __future__ import annotations

from typing import get_args

import numpy as np

from gatewise.models.compare.bootstrap import Interval
from gatewise.models.compare.footprint import Size
from gatewise.models.compare.measure import Measure
from gatewise.models.compare.result import Claim, Conditions, Entry, Results, Training
from gatewise.models.compare.speed import Speed
from gatewise.models.compare.verdict import verdict

ACCURACY = Measure("accuracy", "points", higher=True, indifference=1.0, sign=" %")


def network(name: str, score: float, claim: Claim, step: float) -> Entry:
    training = Training({1e-3: 1.0}, 1e-3, (1.0, 1.0), (9, 9))
    scores, speed = np.full((2, 4), score), Speed(step, 2 * step, 10.0)
    return Entry(name, scores, Interval(0, 0), claim, Size(9, 90, 8, 5, 0), "4 units", training, speed)


def results(*entries: Entry, measure: Measure = ACCURACY) -> Results:
    conditions = Conditions(9, (1e-3,), 2, 1.0, None, 1.0, measure.indifference)
    return Results("classify", "data", measure, (), entries, conditions, (), 60.0)


def floor(score: float, claim: Claim) -> Entry:
    return Entry("always the same", np.full((1, 4), score), Interval(0, 0), claim)


def test_every_claim_is_told_and_the_fastest_that_is_not_worse_named() -> None:
    said = verdict(
        results(
            network("transformer", 98.0, "best", 300.0),
            network("gru", 97.9, "as good", 3.21),
            network("lstm", 97.5, "undecided", 4.0),
            network("tcn", 90.0, "worse", 1.0),
            floor(25.0, "worse"),
        )
    )
    assert said == (
        "transformer has the highest accuracy, 98.0 %; gru is as good, within 1 point; whether lstm is worse by more "
        "than 1 point is not decided; tcn is worse by more than 1 point; of those not shown to be worse, gru takes the "
        "least time, 3.21 \u00b5s a step."
    )


def test_a_transformer_that_wins_is_said_to_win() -> None:
    entries = network("transformer", 98.0, "best", 300.0), network("lstm", 90.0, "worse", 4.0), floor(25.0, "worse")
    assert verdict(results(*entries)) == (
        "transformer has the highest accuracy, 98.0 %; lstm is worse by more than 1 point."
    )


def test_a_floor_that_is_not_worse_is_told() -> None:
    entries = network("lstm", 60.0, "best", 4.0), network("gru", 50.0, "worse", 4.0)
    near, better = (verdict(results(*entries, floor(59.0, claim))) for claim in ("undecided", "better"))
    assert near.endswith(
        "none is clearly better than the floor: 'always the same', which needs no training, has 59.0 %."
    )
    assert better.endswith("the floor is better than all: 'always the same', which needs no training, has 59.0 %.")


def test_an_error_is_lowest_and_in_its_unit() -> None:
    measure = Measure("error", "deviations", higher=False, indifference=0.02, decimals=3)
    entries = network("lstm", 0.5, "best", 4.0), network("gru", 0.51, "as good", 3.0), floor(0.9, "worse")
    assert verdict(results(*entries, measure=measure)) == (
        "lstm has the lowest error, 0.500; gru is as good, within 0.02 deviations; of those not shown to be worse, gru "
        "takes the least time, 3 \u00b5s a step."
    )


def test_there_is_a_sentence_for_every_claim() -> None:
    assert set(get_args(Claim)) == {"best", "better", "as good", "undecided", "worse"}
