from __future__ import annotations

import math
from statistics import median_high

import numpy as np
import pytest
from tests.tolerance import ROUNDING

from gatewise.models.detect.tails import FEWEST, WINDOW, Recent, Tail


def test_the_surprise_is_the_rank_among_those_before() -> None:
    numbers = np.random.default_rng(0).integers(0, 50, 300).tolist()
    tail = Tail()
    for at, number in enumerate(numbers):
        before = numbers[:at]
        share = (1 + sum(one >= number for one in before)) / (1 + at) if at >= FEWEST else 1
        assert tail.surprise(number) == pytest.approx(-math.log10(share), rel=ROUNDING, abs=ROUNDING)


def test_only_the_latest_count() -> None:
    tail = Tail([10.0] * 5 + [1.0] * WINDOW)
    assert len(tail.past) == WINDOW
    assert tail.surprise(9.0) == pytest.approx(math.log10(1 + WINDOW), rel=ROUNDING)
    tail = Tail([10.0] + [1.0] * (WINDOW - 1))
    assert tail.surprise(1.0) == 0
    assert tail.surprise(9.0) == pytest.approx(math.log10(1 + WINDOW), rel=ROUNDING)


def test_what_is_missing_is_not_compared_with() -> None:
    tail = Tail()
    assert [tail.surprise(math.nan) for _ in range(100)] == [0.0] * 100
    tail = Tail([1.0] * FEWEST)
    assert math.isnan(tail.surprise(math.nan))
    assert len(tail.past) == FEWEST


def test_the_median() -> None:
    recent = Recent()
    values = np.random.default_rng(1).normal(size=2 * WINDOW).tolist()
    for at, value in enumerate(values):
        if at in (FEWEST, 101, WINDOW, WINDOW + 7):
            assert recent.median == median_high(values[max(at - WINDOW, 0) : at])
        if at < FEWEST:
            assert math.isnan(recent.median)
        recent.add(value)
