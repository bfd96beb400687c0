from __future__ import annotations

import numpy as np
import pytest

from gatewise.pages.axes import Scale
from gatewise.pages.marks import area, bars, fan, line, series, shape, stretch, strip


def test_lines_break_where_nothing_is_known() -> None:
    x, y = np.array([0.0, 50, 100]), np.array([10.0, np.nan, 30])
    assert line(x, y, "truth").d == "M0.0 100.0M1000.0 300.0"
    assert area(x[:2], y[:1].repeat(2), y[:1].repeat(2) + 5, "band").d == (
        "M0.0 150.0L500.0 150.0L500.0 100.0L0.0 100.0Z"
    )


def test_bars_stand_on_the_lower_edge() -> None:
    edges = np.array([0.0, 50, 100])
    assert bars(edges[:-1], edges[1:], np.array([20.0, 100]), "bar").d == (
        "M0.0 1000V200.0H500.0V1000ZM500.0 1000V1000.0H1000.0V1000Z"
    )


def test_twelve_series_differ_in_colour_or_shape() -> None:
    assert len({(series(number), shape(number)) for number in range(12)}) == 12


def test_a_fan_begins_at_the_last_observation() -> None:
    across, up = Scale(2, 4), Scale(0, 10, rising=True)
    band, truth, median = fan(
        np.array([5.0, 5]), np.array([10.0]), [(np.array([0.0]), np.array([10.0]))], across, up, 2
    )
    assert truth.d == "M0.0 500.0L500.0 500.0"
    assert median.d == "M500.0 500.0L1000.0 0.0"
    assert band.d == "M500.0 500.0L1000.0 0.0L1000.0 1000.0L500.0 500.0Z"


@pytest.mark.parametrize(
    ("length", "horizon", "season", "shown"),
    [(1000, 12, 1, 48), (1000, 100, 1, 400), (50, 12, 1, 50), (999, 1, 52, 156)],
)
def test_as_much_of_the_past_is_drawn_as_lets_the_forecast_be_seen(
    length: int, horizon: int, season: int, shown: int
) -> None:
    assert stretch(length, horizon, season) == shown


def test_a_long_line_keeps_its_peaks() -> None:
    values = np.zeros(100_000)
    values[54_321] = 1.0
    _, truth = strip(values, 90_000, Scale(0, 99_999), Scale(0, 1, rising=True))
    assert truth.d.count("L") < 1000
    assert "M543.2 0.0" in truth.d or "L543.2 0.0" in truth.d
