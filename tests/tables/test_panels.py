from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tolerance import ROUNDING

from gatewise.errors import InputError
from gatewise.tables.options import DEFAULTS, ReadOptions
from gatewise.tables.panel import Panel
from gatewise.tables.panels import panel_from_frame

DAYS = pd.date_range("2024-01-01", periods=3)


def daily(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"ds": DAYS, "y": [1.0, 2.0, 4.0], **columns})


def check_plain(panel: Panel) -> None:
    assert panel.ids == ("y",)
    assert panel.times[0].tolist() == DAYS.to_numpy("M8[ns]").tolist()
    assert panel.values[0].tolist() == [1, 2, 4]
    assert panel.values[0].dtype == np.float64
    assert (panel.frequency.alias, panel.season, panel.time, panel.target) == ("D", 1, "ds", "y")


FRAMES: dict[str, Callable[[], Any]] = {
    "plain": daily,
    "text": lambda: daily().astype(str),
    "an index of times": lambda: daily().set_index("ds"),
    "an index that is a column too": lambda: daily().set_index("ds", drop=False),
    "two levels that are columns too": lambda: daily().assign(id="y").set_index(["id", "ds"], drop=False)[["ds", "y"]],
    "an index of periods": lambda: daily().set_index("ds").to_period("D"),
    "an index with holes": lambda: daily().set_axis([3, 8, 1]),
    "periods": lambda: daily(ds=pd.period_range("2024-01-01", periods=3)),
    "dates": lambda: daily(ds=[day.date() for day in DAYS]),
    "objects": lambda: daily(ds=DAYS.astype(object), y=pd.Series([1, 2.0, Decimal(4)], dtype=object)),
    "mixed objects": lambda: daily(y=pd.Series(["1", 2, 4.0], dtype=object)),
    "seconds": lambda: daily(ds=DAYS.astype("M8[s]")),
    "a zone": lambda: daily(ds=DAYS.tz_localize("UTC").tz_convert("Asia/Tokyo")),
    "midnights in a zone": lambda: daily(ds=DAYS.tz_localize("Asia/Tokyo")),
    "offsets as objects": lambda: daily(ds=[datetime.datetime(2024, 1, day, 5, tzinfo=_EAST) for day in (1, 2, 3)]),
    "nullable": lambda: daily().convert_dtypes(),
    "categories": lambda: daily(ds=pd.Categorical(DAYS.astype(str))),
    "small numbers": lambda: daily(y=np.array([1, 2, 4], np.int8)),
    "half floats": lambda: daily(y=np.array([1, 2, 4], np.float16)),
    "columns not of text": lambda: daily().rename(columns={"y": 7}).rename(columns={7: "y"}),
    "a copy of one column": lambda: daily()[["ds", "y"]],
    "a series": lambda: daily().set_index("ds")["y"],
    "a series without a name": lambda: pd.Series([1, 2, 4], index=DAYS.rename("ds")),
    "arrow": lambda: pytest.importorskip("pyarrow").Table.from_pandas(daily()),
    "polars": lambda: pytest.importorskip("polars").from_pandas(daily()),
}
_EAST = datetime.timezone(datetime.timedelta(hours=5))


@pytest.mark.parametrize("name", FRAMES)
def test_frames_that_say_the_same(name: str) -> None:
    check_plain(panel_from_frame(FRAMES[name]()))


def test_the_frame_is_left_alone() -> None:
    frame = daily(ds=DAYS[::-1])
    before = frame.copy()
    panel_from_frame(frame).values[0][:] = 0
    pd.testing.assert_frame_equal(frame, before)


def test_series_keep_the_order_in_which_they_appear() -> None:
    frame = pd.DataFrame({"unique_id": list("bab"), "ds": [1, 1, 2], "y": [1, 2, 3]})
    panel = panel_from_frame(frame)
    assert panel.ids == ("b", "a")
    assert [values.tolist() for values in panel.values] == [[1, 3], [2]]
    assert panel.times[0].tolist() == [1, 2]
    assert panel.frequency.counts


@pytest.mark.parametrize("names", [[3, 5], [1.5, 2.5], ["", "x"], [True, False], list(pd.Categorical(["u", "v"]))])
def test_names_of_series_need_not_be_text(names: list[Any]) -> None:
    frame = pd.DataFrame({"unique_id": np.repeat(names, 2), "ds": [1, 2, 1, 2], "y": [1, 2, 3, 4]})
    lowered = [str(name).lower() if isinstance(name, bool) else str(name) for name in names]
    assert list(panel_from_frame(frame).ids) == lowered


def test_columns_of_a_wide_table_may_begin_late_and_end_early() -> None:
    wide = pd.DataFrame({"ds": DAYS, "a": [1, 2, 3], "b": [np.nan, 5, np.nan], "c": [np.nan, 7, 8], "d": [np.nan] * 3})
    panel = panel_from_frame(wide)
    assert panel.ids == ("a", "b", "c")
    assert [values.tolist() for values in panel.values] == [[1, 2, 3], [5], [7, 8]]
    assert panel.times[2].tolist() == DAYS[1:].to_numpy("M8[ns]").tolist()
    assert panel.target == ""
    assert "1 series without any value left out: 'd'" in panel.notes
    assert "3 missing values before the first or after the last of a series left out" in panel.notes
    wide["a"] = [1, np.nan, 3]
    with pytest.raises(InputError, match="1 missing value, the first here") as caught:
        panel_from_frame(wide)
    assert caught.value.where == "the data frame, row 1 (counted from 0), column 'a'"


def test_constant_series_are_said() -> None:
    panel = panel_from_frame(pd.DataFrame({"ds": DAYS, "a": [1, 1, 1], "b": [1, 2, 1]}))
    assert "1 constant series: 'a'" in panel.notes


def test_the_season_needs_two_of_itself() -> None:
    months = pd.date_range("2024-01", periods=24, freq="MS")
    frame = pd.DataFrame({"ds": months, "y": np.arange(24.0)})
    assert panel_from_frame(frame).season == 12
    assert panel_from_frame(frame[:-1]).season == 1
    assert panel_from_frame(frame).assumed
    asked = panel_from_frame(frame[:5], ReadOptions(season=4))
    assert (asked.season, asked.assumed, asked.notes[-1]) == (4, False, "monthly (MS), season 4")


def test_months_of_the_american_kind_are_told_by_their_regular_steps() -> None:
    months = pd.date_range("2022-01", periods=24, freq="MS")
    frame = pd.DataFrame({"ds": months.strftime("%m/%d/%Y"), "y": np.arange(24.0)})
    panel = panel_from_frame(frame)
    assert panel.frequency.alias == "MS"
    assert "dates read as month/day/year" in panel.notes
    european = panel_from_frame(frame.assign(ds=months.strftime("%d/%m/%Y")))
    assert european.frequency.alias == "MS"
    assert "dates read as day/month/year" in european.notes
    with pytest.raises(InputError, match="every one of them fits"):
        panel_from_frame(frame[:12])
    assert panel_from_frame(frame[:12], ReadOptions(frequency="MS")).frequency.alias == "MS"
    assert panel_from_frame(frame[:12], ReadOptions(frequency="D")).frequency.alias == "D"


def test_times_in_the_middle_of_months_are_moved_where_asked() -> None:
    frame = pd.DataFrame({"ds": pd.to_datetime(["2024-01-15", "2024-02-14", "2024-03-16"]), "y": [1, 2, 4]})
    panel = panel_from_frame(frame, ReadOptions(frequency="MS"))
    assert [str(time)[:10] for time in panel.times[0]] == ["2024-01-01", "2024-02-01", "2024-03-01"]
    assert "3 times moved within the month onto the frequency MS" in panel.notes
    frame.loc[1, "ds"] = pd.Timestamp("2024-01-20")
    with pytest.raises(InputError, match="does not lie on the steps of MS"):
        panel_from_frame(frame, ReadOptions(frequency="MS"))
    with pytest.raises(InputError, match="does not lie on the steps of YS"):
        panel_from_frame(frame[:2], ReadOptions(frequency="YS"))


def test_large_numbers_are_said_to_be_rounded() -> None:
    panel = panel_from_frame(daily(y=["1", "2", "123456789012345678901234567890"]))
    assert panel.values[0][2] == 123456789012345678901234567890.0
    assert any("2^53" in note for note in panel.notes)


@pytest.mark.parametrize(
    ("frame", "what", "where"),
    [
        (lambda: daily()[:0], "no rows of data", "it"),
        (lambda: daily()[:1], "only one row", "it"),
        (lambda: daily(y=[1, np.nan, 3]), "1 missing value, the first here", "it, row 1, column 'y'"),
        (lambda: daily(y=[1, np.inf, 3]), "'inf' is not a finite number", "it, row 1, column 'y'"),
        (lambda: daily(y=["1", "x", "3"]), "'x' is not a number", "it, row 1, column 'y'"),
        (lambda: daily(y=[True, False, True]), "the column holds BOOLEAN, not numbers", "it, column 'y'"),
        (
            lambda: daily(ds=[DAYS[0], pd.NaT, DAYS[1]]),
            "the time is missing",
            "it, row 1, column 'ds'",
        ),
        (lambda: daily(ds=[1.0, 1.5, 2.0]), "'1.5' is not a whole number", "it, row 1, column 'ds'"),
        (
            lambda: daily(id=["a", None, "a"]),
            "name of the series is missing",
            "it, row 1, column 'id'",
        ),
        (lambda: daily(y=["1", "\ud800", "3"]), "cannot be read", "it"),
        (lambda: pd.concat([daily(), daily()[["y"]]], axis=1), "columns 2 and 3 are named 'y'", "it"),
        (lambda: pd.DataFrame(), "no columns", "it"),
        (lambda: pd.DataFrame(index=[1, 2]), "no columns", "it"),
        (lambda: daily(y=[1j, 2, 3]), "", "it"),
        (lambda: {"ds": [1], "y": [1]}, "dict is not a data frame", ""),
        (lambda: None, "NoneType is not a data frame", ""),
    ],
)
def test_frames_that_are_refused(frame: Callable[[], Any], what: str, where: str) -> None:
    with pytest.raises(InputError) as caught:
        panel_from_frame(frame(), source="it")
    assert what in caught.value.what
    assert caught.value.where.replace(" (counted from 0)", "") == where
    assert caught.value.hint


MOST = 1e6
cells = st.lists(st.one_of(st.none(), st.floats(-MOST, MOST)), min_size=2, max_size=12)


def close(ours: Any, theirs: Any) -> bool:
    return len(ours) == len(theirs) and bool(np.all(np.abs(ours - np.asarray(theirs)) <= ROUNDING * MOST))


@given(series=st.lists(cells, min_size=1, max_size=4), fill=st.sampled_from(["linear", "previous", "zero"]))
def test_filling_is_what_pandas_does(series: list[list[float | None]], fill: Any) -> None:
    named = {str(name): found for name, found in enumerate([[1.0] * 3, *series])}
    rows = [(name, time, value) for name, found in named.items() for time, value in enumerate(found)]
    frame = pd.DataFrame(rows, columns=["unique_id", "ds", "y"]).astype({"y": float})
    panel = panel_from_frame(frame, ReadOptions(fill=fill))
    for name, group in frame.groupby("unique_id"):
        wanted = group.set_index("ds")["y"]
        if wanted.isna().all():
            assert name not in panel.ids
            continue
        wanted = wanted.loc[: wanted.last_valid_index()]  # what follows are times to come
        if fill == "linear":
            wanted = wanted.interpolate(limit_area="inside").dropna()
        else:
            wanted = wanted.ffill().dropna() if fill == "previous" else wanted.fillna(0)
        place = panel.ids.index(str(name))
        assert close(panel.values[place], wanted)
        assert panel.times[place].tolist() == wanted.index.tolist()


@given(st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(-99, 99))), min_size=1, max_size=20))
def test_equal_times_are_merged_as_pandas_does(rows: list[tuple[int, int | None]]) -> None:
    frame = pd.DataFrame([(time, 0) for time in range(6)] + rows, columns=["ds", "y"]).astype({"y": float})
    mean = panel_from_frame(frame, ReadOptions(duplicates="mean")).values[0]
    assert close(mean, frame.groupby("ds")["y"].mean())
    if frame.drop_duplicates("ds", keep="last")["y"].isna().all():
        return
    last = panel_from_frame(frame, ReadOptions(duplicates="last", fill="zero")).values[0]
    wanted = frame.drop_duplicates("ds", keep="last").set_index("ds").sort_index()["y"]
    assert close(last, wanted.loc[: wanted.last_valid_index()].fillna(0))


def test_the_defaults_change_nothing() -> None:
    assert ReadOptions() == DEFAULTS


def test_counters_further_apart_than_can_be_counted_are_refused() -> None:
    ends = [-(2**62) - 2**61, 0, 2**62 + 2**61]
    with pytest.raises(InputError, match="further than can be counted"):
        panel_from_frame(pd.DataFrame({"ds": ends, "y": [1.0, 2.0, 3.0]}))


def test_a_level_of_the_index_that_is_a_column_too_is_one_column() -> None:
    rows = pd.concat([daily(unique_id=name) for name in ("a", "b")])
    for frame in (
        rows.set_index(["unique_id", "ds"], drop=False),
        rows.set_index("unique_id", drop=False),
        rows.set_index(["unique_id", "ds"]),
        rows.set_index("ds", drop=False).set_index("unique_id", append=True),
    ):
        panel = panel_from_frame(frame)
        assert panel.ids == ("a", "b")
        assert [values.tolist() for values in panel.values] == [[1, 2, 4]] * 2


def test_an_index_that_differs_from_the_column_of_its_name_is_refused() -> None:
    with pytest.raises(InputError, match="columns 1 and 2 are named 'ds'"):
        panel_from_frame(daily().set_axis(pd.Index(DAYS[::-1], name="ds")))


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        ([1, 2], "whole"),
        ([1.0, 2.5], "number"),
        (["1", "2"], "text"),
        ([2**63, 2**63 + 1], "whole"),
        ([True, False], "text"),
    ],
)
def test_ids_are_known_for_what_they_were(ids: list[Any], kind: str) -> None:
    panel = panel_from_frame(pd.concat([daily(unique_id=name) for name in ids]))
    assert panel.id_kind == kind
    assert len(panel.ids) == 2
