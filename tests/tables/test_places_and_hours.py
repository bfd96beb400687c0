"""Times of one place, jitter, closed days and hours, and rows of times to come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gatewise.errors import InputError
from gatewise.tables.options import ReadOptions
from gatewise.tables.panel import Panel
from gatewise.tables.panels import panel_from_frame
from gatewise.tables.reading import load_panel

Load = Callable[..., Panel]


def text(times: Any) -> str:
    """A table of these times."""
    return "ds,y\n" + "".join(f"{time},{i}\n" for i, time in enumerate(times))


def check(panel: Panel, alias: str, number: int) -> None:
    assert panel.frequency.alias == alias
    assert len(panel) == 1
    assert panel.values[0].tolist() == list(range(number))
    assert len(panel.frequency.future(panel.times[0][-1], 3)) == 3


ZONED = {
    "Berlin, days": ("D", "Europe/Berlin", "2021-03-01"),
    "Berlin, winter days": ("D", "Europe/Berlin", "2021-01-01"),
    "Tokyo, months": ("MS", "Asia/Tokyo", "2019-01-01"),
    "New York, months": ("MS", "America/New_York", "2019-01-01"),
    "Sydney, weeks": ("W-MON", "Australia/Sydney", "2021-01-04"),
    "Tokyo, working days": ("B", "Asia/Tokyo", "2021-01-04"),
    "Kolkata, quarters": ("QS", "Asia/Kolkata", "2015-01-01"),
    "London, days": ("D", "Europe/London", "2021-03-01"),
    "Auckland, days": ("D", "Pacific/Auckland", "2021-03-01"),
}


@pytest.mark.parametrize("unit", ["ns", "us", "ms"])
@pytest.mark.parametrize("name", ZONED)
def test_midnights_of_a_zone_are_dates_in_a_file_too(tmp_path: Path, name: str, unit: Any) -> None:
    alias, zone, start = ZONED[name]
    times = pd.date_range(start, periods=40, freq=alias)
    frame = pd.DataFrame({"ds": times.tz_localize(zone).as_unit(unit), "y": range(40)})
    frame.to_parquet(tmp_path / "zoned.parquet")
    panel = load_panel(tmp_path / "zoned.parquet")
    check(panel, alias, 40)
    assert np.array_equal(panel.times[0], times.to_numpy())
    assert np.array_equal(panel_from_frame(frame).times[0], times.to_numpy())


@pytest.mark.parametrize("named", [False, True])
def test_an_index_with_a_zone_is_read_as_a_column_is(tmp_path: Path, named: bool) -> None:
    times = pd.date_range("2021-04-01", periods=40, freq="D")
    frame = pd.DataFrame(
        {"y": range(40)}, index=times.tz_localize("America/New_York").rename("when" if named else None)
    )
    frame.to_parquet(tmp_path / "zoned.parquet")
    assert np.array_equal(load_panel(tmp_path / "zoned.parquet").times[0], times.to_numpy())


@pytest.mark.parametrize(("period", "alias"), [("M", "MS"), ("Q", "QS"), ("Y", "YS"), ("W", "W-MON"), ("D", "D")])
def test_periods_in_a_file_are_times(tmp_path: Path, period: str, alias: str) -> None:
    frame = pd.DataFrame({"ds": pd.period_range("2019-01-07", periods=30, freq=period), "y": range(30)})
    frame.to_parquet(tmp_path / "periods.parquet")
    panel = load_panel(tmp_path / "periods.parquet")
    check(panel, alias, 30)
    assert np.array_equal(panel.times[0], frame["ds"].dt.to_timestamp().to_numpy())


def test_a_file_of_polars_too(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    times = pd.date_range("2021-03-01", periods=60, freq="D")
    frame = pd.DataFrame({"ds": times.tz_localize("Europe/Berlin"), "y": range(60)})
    polars.from_pandas(frame).write_parquet(tmp_path / "zoned.parquet")
    check(load_panel(tmp_path / "zoned.parquet"), "D", 60)


def test_hours_of_a_zone_stay_in_utc(tmp_path: Path) -> None:
    times = pd.date_range("2021-03-27", periods=60, freq="h", tz="Europe/Berlin")
    pd.DataFrame({"ds": times, "y": range(60)}).to_parquet(tmp_path / "zoned.parquet")
    panel = load_panel(tmp_path / "zoned.parquet")
    check(panel, "h", 60)
    assert panel.times[0][0] == np.datetime64("2021-03-26T23:00")


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Europe/London", "Australia/Sydney"])
@pytest.mark.parametrize("start", ["2021-03-01", "2021-09-15"])
def test_midnights_of_a_place_written_in_utc_are_days(load: Load, zone: str, start: str) -> None:
    times = pd.date_range(start, periods=60, freq="D", tz=zone)
    panel = load(text(times.tz_convert("UTC").tz_localize(None)))
    check(panel, "D", 60)
    assert np.array_equal(panel.times[0], times.tz_localize(None).to_numpy())


@pytest.mark.parametrize("hour", [0, 6, 12])
def test_one_hour_of_a_place_with_its_offsets(load: Load, hour: int) -> None:
    walls = pd.date_range("2021-03-01", periods=60, freq="D") + pd.Timedelta(hour, "h")
    stamps = walls.tz_localize("Europe/Berlin")
    table = "ds,y\n" + "".join(f"{time.isoformat()},{i}\n" for i, time in enumerate(stamps))
    panel = load(table)
    check(panel, "D", 60)
    assert np.array_equal(panel.times[0], walls.to_numpy())
    assert np.array_equal(panel_from_frame(pd.DataFrame({"ds": stamps, "y": range(60)})).times[0], walls.to_numpy())


@pytest.mark.parametrize(
    ("alias", "most"), [("h", "1ms"), ("15min", "2s"), ("D", "20min"), ("10s", "100ms"), ("5min", "9s")]
)
def test_jitter_is_rounded_and_said(load: Load, alias: str, most: str) -> None:
    times = pd.date_range("2021-03-01", periods=200, freq=alias)
    for way in (np.random.default_rng(0).integers(-2, 3, 200), -2 * (np.arange(200) % 2), 2 * (np.arange(200) % 2)):
        check_rounded(load, times, alias, way * (pd.Timedelta(most) / 2))


def check_rounded(load: Load, times: pd.DatetimeIndex, alias: str, jitter: Any) -> None:
    panel = load(text(times + jitter))
    check(panel, alias, 200)
    assert np.array_equal(panel.times[0], times.to_numpy())
    assert any("rounded to the step" in note for note in panel.notes)


OPEN: dict[str, tuple[str, Callable[[Any], Any], str, int]] = {
    "Monday to Saturday": ("D", lambda t: t.weekday != 6, "C-1111110", 6),
    "Sunday to Thursday": ("D", lambda t: ~t.weekday.isin([4, 5]), "C-1111001", 5),
    "Tuesday to Sunday": ("D", lambda t: t.weekday != 0, "C-0111111", 6),
    "Monday to Friday": ("D", lambda t: t.weekday < 5, "B", 5),
    "Mondays, Wednesdays and Fridays": ("D", lambda t: t.weekday.isin([0, 2, 4]), "C-1010100", 3),
    "Tuesdays and Thursdays": ("D", lambda t: t.weekday.isin([1, 3]), "C-0101000", 2),
    "nine to five": ("h", lambda t: (t.hour >= 9) & (t.hour < 17), "CBH-1111111-9-17", 8),
    "eight to eight": ("h", lambda t: (t.hour >= 8) & (t.hour < 20) & (t.weekday < 5), "CBH-1111100-8-20", 12),
    "ten to midnight": ("h", lambda t: t.hour >= 10, "CBH-1111111-10-24", 14),
}


@pytest.mark.parametrize("name", OPEN)
def test_closed_days_and_hours_are_no_gaps(load: Load, name: str) -> None:
    alias, is_open, expected, season = OPEN[name]
    both = pd.date_range("2021-01-04", "2021-07-11", freq=alias)
    both = both[is_open(both)]
    times = both[both < "2021-04-11"]
    panel = load(text(times))
    check(panel, expected, len(times))
    assert panel.season == season
    assert np.array_equal(panel.frequency.future(panel.times[0][-1], 20), both[len(times) :][:20].to_numpy())


def test_a_gap_among_open_days_is_a_gap(load: Load) -> None:
    times = pd.date_range("2021-01-04", "2021-04-11", freq="D")
    with pytest.raises(InputError, match="gaps in time"):
        load(text(times[times.weekday != 6].delete(40)))


@pytest.mark.parametrize("alias", ["SMS", "SME"])
def test_twice_a_month(load: Load, alias: str) -> None:
    times = pd.date_range("2019-01-01", periods=60, freq=alias)
    with pytest.raises(InputError, match="irregular") as caught:
        load(text(times))
    assert f'`frequency="{alias}"`' in caught.value.hint
    assert load(text(times), ReadOptions(frequency=alias)).season == 24


@pytest.mark.parametrize("alias", ["WOM-3FRI", "WOM-1TUE"])
def test_some_day_of_each_month(load: Load, alias: str) -> None:
    times = pd.date_range("2019-01-01", periods=40, freq=alias)
    with pytest.raises(InputError, match="irregular") as caught:
        load(text(times))
    assert '`frequency="M"`' in caught.value.hint
    panel = load(text(times), ReadOptions(frequency="M"))
    assert len(panel.times[0]) == 40
    assert panel.season == 12


DAYS = pd.date_range("2019-01-01", "2020-12-31")
CLOCKS = pd.date_range("2021-03-01", periods=288 * 8, freq="5min")
SCATTERED = {
    "three times a month": DAYS[DAYS.day.isin([1, 11, 21])],
    "every eighth day of each year": DAYS[DAYS.dayofyear % 8 == 1],
    "trading hours": CLOCKS[CLOCKS.indexer_between_time("09:30", "16:00")],
}


@pytest.mark.parametrize("name", SCATTERED)
def test_nothing_advises_to_make_most_of_the_data_up(load: Load, name: str) -> None:
    with pytest.raises(InputError) as caught:
        load(text(SCATTERED[name]))
    assert "fill=" not in caught.value.hint
    assert "sums or means" in caught.value.hint


@pytest.mark.parametrize("fill", ["none", "linear", "previous", "zero"])
@pytest.mark.parametrize("empty", ["", "NA", "-"])
def test_rows_at_the_end_without_values_are_the_future(load: Load, fill: Any, empty: str) -> None:
    times = pd.date_range("2021-01-01", periods=35)
    table = text(times[:28]) + "".join(f"{time.date()},{empty}\n" for time in times[28:])
    panel = load(table, ReadOptions(fill=fill))
    check(panel, "D", 28)
    assert any("7 missing values" in note for note in panel.notes)
