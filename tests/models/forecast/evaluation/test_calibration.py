"""Intervals that fall short are found, and widened by as much as they lacked."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.forecast.evaluation import made
from tests.tolerance import ROUNDING

from gatewise.models.forecast.evaluation.calibration import Coverage, widened, widening
from gatewise.models.forecast.results import Window


def windows(spread: float, count: int = 9, series: int = 40, horizon: int = 6) -> list[Window]:
    """Windows of white noise, forecast with intervals of this spread where 1 is right."""
    rng = np.random.default_rng(0)
    centre = np.full((series, horizon), 10.0)
    return [
        made.window(rng.normal(10, 1, centre.shape), {"A": made.normal("A", centre, spread)}, horizon * (count - row))
        for row in range(count)
    ]


def test_intervals_that_hold_what_they_say_are_left_alone():
    right = windows(1.0)
    held = [Coverage.of(right, "A", level, 6) for level in (80, 95)]
    assert [one.percent for one in held] == pytest.approx([80, 95], abs=2)
    assert not any(one.short for one in held)
    assert widening(right, "A", held) == {}


def test_intervals_that_fall_short_are_widened_until_they_do_not():
    narrow = windows(0.5)
    held = [Coverage.of(narrow, "A", level, 6) for level in (80, 95)]
    assert all(one.short for one in held)
    assert held[0].values == 9 * 40 * 6
    factors = widening(narrow, "A", held)
    assert list(factors.values()) == pytest.approx([2, 2], rel=0.05)
    wider = widened(narrow[0].forecasts["A"], factors)
    low, high = wider.interval(80)
    assert ((narrow[0].actual >= low) & (narrow[0].actual <= high)).mean() == pytest.approx(0.8, abs=0.05)
    assert (wider.median == narrow[0].forecasts["A"].median).all()


def test_intervals_that_hold_more_are_never_narrowed():
    wide = windows(3.0)
    assert widening(wide, "A", [Coverage.of(wide, "A", 80, 6)]) == {}


def test_of_few_windows_nothing_is_stretched():
    narrow = windows(0.2, count=8, series=1)
    held = [Coverage.of(narrow, "A", 80, 6)]
    assert held[0].short
    assert widening(narrow, "A", held) == {}


def test_a_few_values_are_allowed_to_miss():
    """36 values in 3 windows count for about 7: half of them in an 80 % interval is chance, a third is not."""
    one = Coverage.of(windows(1.0, count=3, series=1, horizon=12), "A", 80, 12)
    assert one.values == 36
    assert one.standard_error == pytest.approx(100 * np.sqrt(0.16 / (36 / (1 + 11 * 0.35))), rel=ROUNDING)


def test_windows_that_overlap_count_once():
    far, near = (Coverage.of(windows(1.0, series=1), "A", 80, step) for step in (6, 2))
    assert near.standard_error == pytest.approx(far.standard_error * np.sqrt(9 / (1 + 8 / 3)), rel=ROUNDING)


def test_what_was_not_observed_is_not_counted():
    hidden = [made.window(np.full((1, 6), np.nan), one.forecasts, 6) for one in windows(1.0, series=1)]
    assert Coverage.of(hidden, "A", 80, 6).values == 0
    assert not Coverage.of(hidden, "A", 80, 6).short


def test_widened_intervals_stay_nested():
    forecast = made.normal("A", np.zeros((1, 1)))
    wider = widened(forecast, {80: 3.0}).values[0, 0]
    assert (np.diff(wider) >= 0).all()
    assert wider[0] == wider[1]
    assert widened(forecast, {50: 2.0}).values.tolist() == forecast.values.tolist()
