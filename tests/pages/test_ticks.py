from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.pages.figure import Scale, area, line, value_scale
from gatewise.pages.ticks import number_ticks, step_ticks, time_ticks

finite = st.floats(-1e12, 1e12).filter(lambda value: value == 0 or abs(value) > 1e-12)


@given(st.lists(finite, min_size=1, max_size=20))
def test_scales_hold_their_values_and_carry_round_labels(values: list[float]) -> None:
    scale = value_scale([values])
    assert ((scale(values) > 0) & (scale(values) < 100)).all()
    ticks = number_ticks(scale)
    assert 2 <= len(ticks) <= 6
    assert all(-1e-6 <= tick.at <= 100 + 1e-6 for tick in ticks)


@pytest.mark.parametrize(
    ("start", "step", "count", "labels"),
    [
        ("1957-01", np.timedelta64(1, "M"), 60, ["1957-07", "1958-01", "1958-07"]),
        ("1900", np.timedelta64(1, "Y"), 120, ["1920", "1940", "1960"]),
        ("2024-02-27", np.timedelta64(1, "D"), 6, ["28 Feb", "29 Feb", "1 Mar"]),
        ("2024-01-01T00", np.timedelta64(1, "h"), 50, ["06:00", "12:00", "18:00", "2 Jan"]),
        ("2024-01-01T00", np.timedelta64(5, "m"), 20, ["00:15", "00:30", "00:45"]),
    ],
)
def test_calendar_labels_stand_where_the_calendar_turns(
    start: str, step: np.timedelta64, count: int, labels: list[str]
) -> None:
    times = (np.datetime64(start) + np.arange(count) * step).astype("datetime64[ns]")
    ticks = time_ticks(times, Scale(0, count - 1))
    assert [tick.text for tick in ticks][: len(labels)] == labels
    assert len(ticks) <= 9
    assert len([tick for tick in ticks if not tick.minor]) <= 5


@given(st.integers(-1000, 10**9), st.integers(1, 7), st.integers(1, 300))
def test_counters_are_labelled_with_counts(first: int, step: int, count: int) -> None:
    times = first + step * np.arange(count)
    for tick in time_ticks(times, Scale(0, max(count - 1, 1))):
        assert times[0] <= int(tick.text) <= times[-1]
        assert 0 <= tick.at <= 100


@pytest.mark.parametrize("horizon", [1, 2, 8, 9, 48, 1000])
def test_steps_are_whole_and_inside(horizon: int) -> None:
    ticks = step_ticks(horizon, Scale(min(1, horizon - 1), horizon))
    steps = [int(tick.text.replace(",", "")) for tick in ticks]
    assert steps == sorted(set(steps))
    assert 1 <= steps[0] <= steps[-1] <= horizon


def test_lines_break_where_nothing_is_known() -> None:
    x, y = np.array([0.0, 50, 100]), np.array([10.0, np.nan, 30])
    assert line(x, y, "truth").d == "M0.0 100.0M1000.0 300.0"
    assert area(x[:2], y[:1].repeat(2), y[:1].repeat(2) + 5, "band").d == (
        "M0.0 150.0L500.0 150.0L500.0 100.0L0.0 100.0Z"
    )
