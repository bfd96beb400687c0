from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.tseries.frequencies import to_offset

from gatewise.errors import InputError
from gatewise.tables.frequency import describe, infer, parse, season_of, seasons_of
from gatewise.tables.grid import grid_of, moved_to_month
from gatewise.tables.panel import Frequency

ALIASES = [
    *("YS", "YE", "YS-APR", "YE-JUN", "2YS", "QS", "QE", "QS-FEB", "QE-OCT", "QE-NOV", "MS", "ME", "2MS", "2ME", "6MS"),
    *("W-SUN", "W-MON", "2W-WED", "B", "D", "2D", "10D", "h", "6h", "min", "15min", "s", "10s", "ms", "5us", "ns"),
    *("BME", "BMS", "2BME", "BQE-DEC", "BQS-JAN", "BQE-NOV", "BYE-DEC", "BYS-APR"),
]


def times_of(alias: str, start: str, number: int) -> Any:
    return pd.date_range(start, periods=number, freq=alias).to_numpy("M8[ns]").view(np.int64)


def joined(number: int) -> Any:
    return np.ones(number - 1, np.bool_)


@pytest.mark.parametrize("alias", ALIASES)
def test_the_frequency_found_goes_on_as_pandas_would(alias: str) -> None:
    times = times_of(alias, "2023-02-01", 33)
    found = infer(times[:30], joined(30), calendar=True)
    assert found == Frequency(alias)
    assert (
        found.future(times[:30].view("M8[ns]")[-1], 3).astype("M8[ns]").view(np.int64).tolist() == times[30:].tolist()
    )


@given(
    alias=st.sampled_from(ALIASES),
    start=st.datetimes(min_value=pd.Timestamp("1900-01-01"), max_value=pd.Timestamp("2100-01-01")),
    holes=st.sets(st.integers(20, 38), max_size=5),
)
def test_gaps_do_not_hide_the_frequency(alias: str, start: Any, holes: set[int]) -> None:
    whole = times_of(alias, pd.Timestamp(start).floor("s"), 40)
    times = np.delete(whole, list(holes))
    found = infer(times, joined(len(times)), calendar=True)
    assert found == Frequency(alias)
    grid = grid_of(found, times)
    origins = np.full_like(times, times[0])
    ticks, on = grid.ticks(times, origins)
    assert on.all()
    assert ticks.tolist() == [i for i in range(40) if i not in holes]
    assert grid.times(np.arange(40), np.full(40, times[0])).tolist() == whole.tolist()


@pytest.mark.parametrize(
    ("starts", "alias", "expected"),
    [
        (["2024-01-07", "2024-01-08"], "7D", "7D"),  # weeks that begin on different days
        (["2024-01-01", "2024-02-01"], "QS", "3MS"),
        (["2024-01-01", "2024-02-01"], "12MS", "12MS"),
        (["2024-01-01", "2024-07-01"], "MS", "MS"),
    ],
)
def test_series_out_of_step_with_each_other(starts: list[str], alias: str, expected: str) -> None:
    offset = to_offset(alias) if alias != "QS" else to_offset("3MS")
    parts = [pd.date_range(start, periods=9, freq=offset).to_numpy("M8[ns]").view(np.int64) for start in starts]
    times, together = np.concatenate(parts), np.ones(17, np.bool_)
    together[8] = False
    found = infer(times, together, calendar=True)
    assert found == Frequency(expected)
    ticks, on = grid_of(found, times).ticks(times, np.repeat([part[0] for part in parts], 9))
    assert on.all()
    assert ticks.tolist() == [*range(9), *range(9)]


@pytest.mark.parametrize(
    "dates",
    [
        ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-03T05:00"],
        ["2024-01-15", "2024-02-15", "2024-03-15"],
        ["2024-01-01T00", "2024-01-01T02", "2024-01-01T04", "2024-01-01T05"],
        ["2024-01-01", "2024-02-01", "2024-03-01T06:00"],
        ["2024-01-01"],
    ],
)
def test_no_frequency(dates: list[str]) -> None:
    times = np.array(dates, "M8[ns]").view(np.int64)
    assert infer(times, joined(len(times)), calendar=True) is None


def test_two_days_across_a_weekend_are_no_working_week() -> None:
    times = np.array(["2024-01-05", "2024-01-08"], "M8[ns]").view(np.int64)
    assert infer(times, joined(2), calendar=True) == Frequency("3D")


def test_counters() -> None:
    assert infer(np.array([3, 5, 7, 11]), joined(4), calendar=False) == Frequency("2")
    assert infer(np.array([3, 5, 8]), joined(3), calendar=False) is None
    assert season_of(Frequency("1")) == 1


@pytest.mark.parametrize(
    ("alias", "season", "words"),
    [
        ("YS", 1, "yearly (YS)"),
        ("QE", 4, "quarterly (QE)"),
        ("MS", 12, "monthly (MS)"),
        ("ME", 12, "monthly (ME)"),
        ("3MS", 4, "quarterly (3MS)"),
        ("5MS", 1, "every 5 months (5MS)"),
        ("W-SUN", 52, "weekly (W-SUN)"),
        ("7D", 52, "every 7 days (7D)"),
        ("B", 5, "every working day (B)"),
        ("D", 7, "daily (D)"),
        ("2D", 1, "every 2 days (2D)"),
        ("h", 24, "hourly (h)"),
        ("6h", 4, "every 6 hours (6h)"),
        ("7h", 1, "every 7 hours (7h)"),
        ("15min", 96, "every 15 minutes (15min)"),
        ("min", 1440, "every minute (min)"),
        ("s", 1, "every second (s)"),
        ("us", 1, "every us (us)"),
        ("2W-SUN", 26, "every 2 weeks (2W-SUN)"),
        ("2", 1, "counted in steps of 2"),
    ],
)
def test_seasons_and_words(alias: str, season: int, words: str) -> None:
    assert season_of(Frequency(alias)) == season
    assert describe(Frequency(alias)) == words


@pytest.mark.parametrize(
    ("alias", "seasons"),
    [("YS", ()), ("MS", (12,)), ("W-SUN", (52,)), ("B", (5,)), ("D", (7, 365)), ("h", (24, 168)), ("30min", (48, 336))],
)
def test_all_seasons_of_the_calendar(alias: str, seasons: tuple[int, ...]) -> None:
    assert seasons_of(Frequency(alias)) == seasons


@pytest.mark.parametrize(
    ("text", "first", "alias"),
    [
        ("MS", "2024-01-15", "MS"),
        ("M", "2024-01-01", "MS"),
        ("M", "2024-01-31", "ME"),
        ("monthly", "2024-01-01", "MS"),
        ("Q", "2024-02-01", "QS-FEB"),
        ("QS", "2024-04-01", "QS"),
        ("QE", "2024-02-29", "QE-NOV"),
        ("Y", "2024-12-31", "YE"),
        ("YS", "2024-04-01", "YS-APR"),
        ("A-JUN", "2024-06-30", "YE-JUN"),
        ("W", "2024-01-03", "W-WED"),
        ("weekly", "2024-01-07", "W-SUN"),
        ("w-mon", "2024-01-07", "W-MON"),
        ("H", "2024-01-01", "h"),
        ("15T", "2024-01-01", "15min"),
        (" 2 D ", "2024-01-01", "2D"),
    ],
)
def test_what_a_user_may_ask_for(text: str, first: str, alias: str) -> None:
    times = np.array([first], "M8[ns]").view(np.int64)
    assert parse(text, times, calendar=True) == Frequency(alias)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "often",
        "0D",
        "-1D",
        "1.5h",
        "D D",
        "1",
        "W-XXX",
        "D\n;",
        "99999999999999999999D",
        "999999999999D",
        "200000D",
    ],
)
def test_what_is_no_frequency_of_dates(text: str) -> None:
    with pytest.raises(InputError, match="not a frequency of dates") as caught:
        parse(text, np.zeros(1, np.int64), calendar=True)
    assert caught.value.where == "`frequency`"


@pytest.mark.parametrize("text", ["", "0", "D", "1D", "-1", "99999999999999999999"])
def test_what_is_no_frequency_of_counters(text: str) -> None:
    with pytest.raises(InputError, match="not a frequency of whole numbers"):
        parse(text, np.zeros(1, np.int64), calendar=False)


def test_numbers_count() -> None:
    assert parse("10", np.zeros(1, np.int64), calendar=False) == Frequency("10")
    assert parse("010", np.zeros(1, np.int64), calendar=False) == Frequency("10")


@pytest.mark.parametrize(("alias", "expected"), [("MS", "2024-02-01"), ("QE-NOV", "2024-02-29"), ("D", None)])
def test_moved_to_month(alias: str, expected: str | None) -> None:
    moved = moved_to_month(np.array(["2024-02-15T12"], "M8[ns]").view(np.int64), Frequency(alias))
    assert (None if moved is None else moved.view("M8[ns]")[0]) == (
        None if expected is None else np.datetime64(expected)
    )


@pytest.mark.parametrize(("last", "step", "horizon"), [(2**63 - 1, 1, 1), (9 * 10**18, 10**18, 3), (0, 2**62, 2)])
def test_counters_do_not_wrap(last: int, step: int, horizon: int) -> None:
    with pytest.raises(InputError, match="the last counter that there is"):
        Frequency(str(step)).future(last, horizon)


def test_the_last_counter_is_counted() -> None:
    assert Frequency("1").future(2**63 - 3, 2).tolist() == [2**63 - 2, 2**63 - 1]


@pytest.mark.parametrize("alias", ["999999999999YS", "100000D", "9999999999MS", "999999999W-SUN", "999999999B", "5YE"])
def test_steps_beyond_the_calendar_are_refused_whatever_their_size(alias: str) -> None:
    with pytest.raises(InputError, match="end beyond the year 2262"):
        Frequency(alias).future(np.datetime64("2019-12-31", "ns"), 60)
