from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.pages.axes import (
    Scale,
    log_ticks,
    number_ticks,
    percent_ticks,
    rounded_up,
    step_ticks,
    text_ticks,
    time_ticks,
    value_scale,
)

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


@given(st.floats(1e-12, 1e12))
def test_the_end_of_a_symmetric_scale_is_round_and_not_far_away(number: float) -> None:
    end = rounded_up(number)
    assert number * (1 - 1e-5) <= end <= 1.7 * number
    assert rounded_up(end) == end
    assert len(f"{end:e}".split("e")[0].rstrip("0.")) <= 3


@pytest.mark.parametrize(("longest", "labels"), [(4, 6), (13, 3), (60, 3)])
def test_texts_along_an_axis_are_few_short_and_away_from_its_edges(longest: int, labels: int) -> None:
    texts = [f"{row:0{longest}}" for row in range(100)]
    ticks = text_ticks(texts, Scale(40, 99), 40)
    assert len(ticks) == labels
    assert all(0 < tick.at < 100 and len(tick.text) <= 16 for tick in ticks)
    assert [tick.minor for tick in ticks] == [False, True] * (labels // 2) + [False] * (labels % 2)
    assert text_ticks([], Scale(0, 1)) == ()
    assert [tick.text for tick in text_ticks(["only"], Scale(-0.5, 0.5))] == ["only"]


def test_percent_labels_lie_on_their_scale() -> None:
    assert [(tick.at, tick.text) for tick in percent_ticks(Scale(30, 90), 20)] == [
        (pytest.approx(100 / 6), "40 %"), (50.0, "60 %"), (pytest.approx(500 / 6), "80 %")
    ]  # fmt: skip


def test_labels_of_logarithms_stand_at_one_two_and_five_times_the_powers_of_ten() -> None:
    ticks = log_ticks(Scale(np.log10(0.4), np.log10(1100)))
    labels = ["0.5", "1", "2", "5", "10", "20", "50", "100", "200", "500", "1,000"]
    assert [tick.text for tick in ticks] == labels
    assert [tick.text for tick in ticks if not tick.minor] == ["1", "10", "100", "1,000"]
    places = [100 * np.log10(float(label.replace(",", "")) / 0.4) / np.log10(1100 / 0.4) for label in labels]
    np.testing.assert_allclose([tick.at for tick in ticks], places)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [(1400, 1900, ["1,400", "1,600", "1,800"]), (1300, 2200, ["1,500", "2,000"]), (300, 900, ["400", "600", "800"])],
)
def test_a_short_stretch_of_logarithms_has_labels_that_do_not_give_way(low: float, high: float, labels: list[str]):
    ticks = log_ticks(Scale(np.log10(low), np.log10(high)))
    assert [tick.text for tick in ticks] == labels
    assert not any(tick.minor for tick in ticks)
    np.testing.assert_allclose(
        [tick.at for tick in ticks],
        [100 * np.log10(float(label.replace(",", "")) / low) / np.log10(high / low) for label in labels],
    )
