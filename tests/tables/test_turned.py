"""Tables whose times stand in the names of columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatewise.errors import InputError
from gatewise.tables.options import ReadOptions
from gatewise.tables.panel import Panel
from gatewise.tables.panels import panel_from_frame
from gatewise.tables.reading import load_panel

MONTHS = "Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec"
GERMAN = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"


def csv(*rows: Sequence[object]) -> str:
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


def read(folder: Path, text: str, **options: str) -> Panel:
    path = folder / "a.csv"
    path.write_text(text)
    return load_panel(path, ReadOptions(**options))


def heads(form: str, count: int, step: str = "MS") -> list[str]:
    return list(pd.date_range("2018-01-01", periods=count, freq=step).strftime(form))


@pytest.mark.parametrize(
    ("form", "step", "alias"),
    [
        ("%m/%d/%y", "MS", "MS"),
        ("%Y-%m", "MS", "MS"),
        ("%b-%y", "MS", "MS"),
        ("%Y-%m-%d", "D", "D"),
        ("%Y-%m-%d", "W-MON", "W-MON"),
        ("%Y-%m-%d %H:%M", "h", "h"),
    ],
)
def test_a_column_for_each_date(form: str, step: str, alias: str, tmp_path: Path) -> None:
    names = heads(form, 30, step)
    panel = read(tmp_path, csv(["region", "lat", *names], ["N", 51.2, *range(30)], ["S", 48.1, *range(100, 130)]))
    assert panel.ids == ("N", "S")
    assert panel.frequency.alias == alias
    assert [values.tolist() for values in panel.values] == [[*range(30)], [*range(100, 130)]]
    wanted = pd.date_range("2018-01-01", periods=30, freq=step).to_numpy()
    assert all((times == wanted).all() for times in panel.times)
    assert f"times read from the names of 30 columns, '{names[0]}' to '{names[-1]}'" in panel.notes
    assert "1 column not used: 'lat'" in panel.notes


@pytest.mark.parametrize("names", [["V1"], ["id"], ["item_id", "id", "store"]])
@pytest.mark.parametrize("steps", ["V{}", "d_{}", "{}", "F{}"])
def test_a_column_for_each_step(names: list[str], steps: str, tmp_path: Path) -> None:
    head = [*names, *(steps.format(number) for number in range(2, 14))]
    rows = [[*(f"{name}{row}" for name in names), *(row + step for step in range(12))] for row in range(3)]
    panel = read(tmp_path, csv(head, *rows))
    assert panel.ids == tuple(f"{names[0]}{row}" for row in range(3))
    assert panel.frequency.counts
    assert panel.times[0].tolist() == list(range(2, 14))
    assert panel.values[2].tolist() == [2 + step for step in range(12)]


@pytest.mark.parametrize("head", ["{}", "{} [YR{}]"])
def test_a_column_for_each_year_beside_several_that_tell_the_series(head: str, tmp_path: Path) -> None:
    years = [head.format(year, year) for year in range(1990, 2012)]
    rows = [(country, kind, *range(at, at + 22)) for at, (country, kind) in enumerate([("A", "x"), ("A", "y")])]
    panel = read(tmp_path, csv(["Country", "Indicator", *years], *rows, ("B", "x", *range(22))))
    assert panel.ids == ("A/x", "A/y", "B/x")
    assert panel.times[0].tolist() == list(range(1990, 2012))
    assert panel.values[1].tolist() == list(range(1, 23))


@pytest.mark.parametrize(
    ("head", "alias", "parts"),
    [
        (MONTHS, "MS", 12),
        (",".join(GERMAN.split()), "MS", 12),
        ("Q1,Q2,Q3,Q4", "QS", 4),
        ("1. Quartal,2Q,q 3,Q4", "QS", 4),
    ],
)
@pytest.mark.parametrize("total", [["Annual"], []])
def test_a_row_for_each_year(head: str, alias: str, parts: int, total: list[str], tmp_path: Path) -> None:
    rows = [(year, *range(year, year + parts), *("9" for _ in total)) for year in range(2010, 2014)]
    panel = read(tmp_path, csv(["Year", *head.split(","), *total], *rows))
    assert panel.frequency.alias == alias
    assert panel.times[0][0] == np.datetime64("2010-01-01")
    assert panel.values[0].tolist() == [year + part for year in range(2010, 2014) for part in range(parts)]
    assert all(f"1 column not used: '{name}'" in panel.notes for name in total)


def test_a_row_for_each_year_of_each_series(tmp_path: Path) -> None:
    rows = [(place, year, *range(12)) for place in "ba" for year in (2010, 2011)]
    panel = read(tmp_path, csv(["station", "year", *MONTHS.split(",")], *rows))
    assert panel.ids == ("b", "a")
    assert [len(values) for values in panel.values] == [24, 24]


def test_a_row_for_each_month_and_a_column_for_each_year(tmp_path: Path) -> None:
    rows = [(month, *(at + 100 * year for year in range(4))) for at, month in enumerate(MONTHS.split(","))]
    panel = read(tmp_path, csv(["Month", 2019, 2020, 2021, 2022], *rows))
    assert panel.frequency.alias == "MS"
    assert panel.values[0].tolist() == [month + 100 * year for year in range(4) for month in range(12)]


def test_a_series_may_begin_later_and_end_sooner(tmp_path: Path) -> None:
    panel = read(tmp_path, csv(["id", *heads("%Y-%m", 6)], ["a", "", "", 3, 4, 5, ""], ["b", *range(6)]))
    assert panel.values[0].tolist() == [3, 4, 5]
    assert panel.times[0][0] == np.datetime64("2018-03-01")


def test_a_table_of_one_row_is_one_series(tmp_path: Path) -> None:
    panel = read(tmp_path, csv(["id", *heads("%Y-%m", 6)], ["a", *range(6)]))
    assert panel.ids == ("a",)
    assert panel.values[0].tolist() == [*range(6)]


def test_parquet_and_frames_are_turned_too(tmp_path: Path) -> None:
    frame = pd.DataFrame({"region": ["N", "S"]} | {name: [at, 10 + at] for at, name in enumerate(heads("%Y-%m", 6))})
    frame["2018-06"] = frame["2018-06"].astype(float)
    frame.to_parquet(tmp_path / "a.parquet")
    for panel in (load_panel(tmp_path / "a.parquet"), panel_from_frame(frame)):
        assert panel.ids == ("N", "S")
        assert panel.values[1].tolist() == [*range(10, 16)]


BAD = [
    (csv(["id", *heads("%Y-%m", 4)], ["a", 1, 2, "x", 4], ["b", *range(4)]), r"row 2, column '2018-03': 'x'"),
    (csv(["id", *heads("%Y-%m", 4)], ["a", *range(4)], ["b", 1, "", 3, 4]), r"row 3, column '2018-02': 1 missing"),
    (csv(["id", *heads("%Y-%m", 4)], ["a", *range(4)], ["a", *range(4)]), "no other column tells the rows apart"),
    (csv(["id", "2018-01", "2018-02", "2018-04", "2018-05"], ["a", *range(4)]), r"row 2, column '2018-04': 1 gap"),
    (csv(["id", *heads("%Y-%m", 4)], ["", *range(4)], ["b", *range(4)]), r"the name of the series is missing"),
    (csv([f"x{at}" for at in range(9)], *([*range(9)],) * 5), "no column of times found"),
    (csv(MONTHS.split(","), *([*range(12)],) * 5), "no column of times found|looks like data"),
]


@pytest.mark.parametrize(("text", "words"), BAD)
def test_what_cannot_be_read_is_refused_with_row_and_column_of_the_file(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        csv(["month", 2019, 2020, 2021], *([f"2001-{month:02}", 1, 2, month] for month in range(1, 13))),
        csv(["ds", *(f"x{at}" for at in range(9))], *([f"2001-01-{day:02}", *range(9)] for day in range(1, 13))),
        csv(["hour", 2019, 2020, 2021], *([hour, 1, 2, hour] for hour in range(24))),
        csv(["week", *range(1, 10)], *([week, *range(9)] for week in range(1, 31))),
    ],
)
def test_columns_beside_times_remain_series(text: str, tmp_path: Path) -> None:
    assert len(read(tmp_path, text).ids) == len(text.splitlines()[0].split(",")) - 1


def test_a_time_or_target_that_is_named_is_taken_at_its_word(tmp_path: Path) -> None:
    text = csv(["id", *heads("%Y-%m", 4)], ["a", *range(4)], ["b", *range(4)])
    with pytest.raises(InputError, match=r"'a' is not|not a time"):
        read(tmp_path, text, time="id")
