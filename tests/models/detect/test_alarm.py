from __future__ import annotations

import math

import numpy as np
import pytest
from tests.tolerance import ROUNDING

from gatewise.models.detect.alarm import LARGEST, MILDEST, QUIET, REST, TOP, Alarm
from gatewise.models.detect.runs import KNOWN, Runs
from gatewise.models.detect.tails import FEWEST


def noise(rows: int, seed: int = 0) -> list[float]:
    """Surprises of rows that are like those before: means of five exponentially distributed ones."""
    decades = -np.log10(np.random.default_rng(seed).uniform(size=(rows, 5)))
    return np.minimum(decades.mean(axis=1), LARGEST).tolist()


@pytest.mark.parametrize("rate", [0.01, 0.002])
def test_noise_keeps_the_budget_and_uses_it(rate: float) -> None:
    rows = 20_000
    begun = []
    for seed in range(3):
        alarm = Alarm(rate)
        begun.append(sum(alarm.begins(surprise, False) for surprise in noise(rows, seed)))
    mean = np.mean(begun) / rows
    allowed = min(rate, 1 / REST)
    assert 0.3 * allowed < mean < 1.2 * allowed


def test_nothing_is_said_before_there_is_a_past() -> None:
    alarm = Alarm(0.01)
    assert alarm.level == math.inf
    assert not any(alarm.begins(LARGEST, False) for _ in range(FEWEST))


def test_the_level_before_the_budget_can_be_counted_is_that_of_an_exponential_tail() -> None:
    alarm, rows = Alarm(1e-4), noise(1000)
    for surprise in rows:
        alarm.begins(surprise, False)
    ranked = sorted(rows)
    edge, excess = ranked[-101], np.mean(ranked[-100:]) - ranked[-101]
    assert alarm.level == pytest.approx(edge + excess * math.log(TOP / 1e-4), rel=ROUNDING)


def test_the_level_is_the_peak_that_the_budget_allows() -> None:
    alarm = Alarm(2 / 1000)
    for number in range(10):
        for row in range(REST + 1):
            alarm.begins(1.5 + number / 100 if row == 0 else 0.1, False)
    assert alarm.rows == 970
    assert alarm.peaks.past[-1] == 1.58  # the latest episode is not over
    alarm.begins(0.1, False)
    for _ in range(30):
        alarm.begins(0.1, False)
    assert alarm.level == alarm.peaks.ranked[-2]


def test_a_large_budget_does_not_make_an_alert_of_nothing() -> None:
    alarm = Alarm(0.5)
    assert not any(alarm.begins(surprise, False) for surprise in np.minimum(noise(2000), MILDEST))


def test_an_alert_goes_on_until_nothing_as_surprising_comes() -> None:
    alarm = Alarm(0.01)
    for surprise in [0.1] * 200:
        assert not alarm.begins(surprise, False)
    assert alarm.begins(2.0, False)
    for _ in range(QUIET - 1):
        assert not alarm.begins(0.1, False)
        assert alarm.is_raised
        assert not alarm.is_exceeded
    assert not alarm.begins(2.5, False)
    assert alarm.is_exceeded
    for _ in range(QUIET):
        assert alarm.is_raised
        alarm.begins(0.1, False)
    assert not alarm.is_raised
    assert not alarm.begins(2.4, False)  # not the largest of late
    assert not alarm.is_raised  # nor does the alert go on that is over
    assert not alarm.is_exceeded
    for _ in range(QUIET):
        alarm.begins(0.1, False)
    assert alarm.begins(2.6, False)


def test_what_is_certain_begins_at_once_and_once() -> None:
    alarm = Alarm(1e-6)
    assert alarm.begins(0.0, True)
    assert not alarm.begins(0.0, True)
    assert alarm.is_exceeded


def runs(flags: list[bool], least: int = 3) -> list[int]:
    """Where a run stands out."""
    made = Runs(least)
    return [row for row, flag in enumerate(flags) if made.stands_out(flag)]


def test_a_run_stands_out_when_it_is_twice_as_long_as_any_before() -> None:
    quiet = [False] * KNOWN
    assert runs([*quiet, True, True, True, False]) == [KNOWN + 2]
    assert runs([True] * 4 + quiet + [True] * 9) == [KNOWN + 4 + 7, KNOWN + 4 + 8]
    assert runs([*quiet, *[True] * 4, False, *[True] * 8]) == [KNOWN + 2, KNOWN + 3, KNOWN + 12]


def test_what_was_always_so_does_not_stand_out() -> None:
    assert runs([True] * 10_000) == []
    assert runs(([True] * 50 + [False]) * 20) == []
