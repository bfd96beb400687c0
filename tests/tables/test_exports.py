"""Files as statistical offices, loggers and spreadsheets write them, with the values that they hold."""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd
import pytest

from gatewise.errors import InputError
from gatewise.tables.panel import Panel

Load = Callable[..., Panel]
VALUES = [21, 24, 22, 27, 30, 26, 25, 28, 31, 29, 33, 35]
DAYS = pd.date_range("2024-01-01", periods=12)
MONTHS = pd.date_range("2023-01-01", periods=12, freq="MS")


def lines(layout: str, times: pd.DatetimeIndex = DAYS) -> str:
    """A row for each time, with its value."""
    return "".join(layout.format(time=time, value=value) + "\n" for time, value in zip(times, VALUES, strict=True))


def check(panel: Panel, times: pd.DatetimeIndex = DAYS) -> None:
    """Whether a panel holds one series of these times and values."""
    assert [values.tolist() for values in panel.values] == [VALUES]
    assert panel.times[0].tolist() == times.to_numpy("datetime64[ns]").tolist()


COLUMNS = {
    "Eurostat": "DATAFLOW,LAST UPDATE,geo,TIME_PERIOD,OBS_VALUE\n"
    + lines("ESTAT:X(1.0),01/01/24 11:00:00,DE,{time:%Y-%m},{value}", MONTHS),
    "years and months, Japanese": "年,月,売上\n" + lines("{time:%Y},{time:%m},{value}", MONTHS),
    "years and months, Korean": "년도,월,매출\n" + lines("{time:%Y},{time:%m},{value}", MONTHS),
    "seconds since 1970": "unix_s,temperature\n" + lines("{time.value},{value}", MONTHS).replace("000000000,", ","),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_times_by_their_names(load: Load, name: str) -> None:
    check(load(COLUMNS[name]), MONTHS)


BELOW = {
    "a source": ("Source: Statistics Office, 2024\n", "1 line below the table left out, the first 'Source: Statistics"),
    "notes under an empty line": (
        "\n* provisional\n(c) Office,\n",
        "2 lines below the table left out, the first '* pro",
    ),
    "a word": ("END OF FILE\n", "1 line below the table left out, the first 'END OF FILE'"),
    "a balance without a value": ("Endsaldo,\n", "1 line below the table left out, the first 'Endsaldo'"),
    "a note under empty cells": (",\n,checked twice\n", "2 lines below the table left out, the first 'checked twice'"),
    "a total and a source": ("Total,341\nQuelle: Amt\n", "1 line below the table left out, the first 'Quelle: Amt'"),
    "empty rows": (",\n,\n", "2 empty rows left out"),
}


@pytest.mark.parametrize("name", BELOW)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_stands_below_the_table_is_no_row(load: Load, name: str, encoding: str) -> None:
    below, note = BELOW[name]
    panel = load(("date,value\n" + lines("{time:%Y-%m-%d},{value}") + below).encode(encoding))
    check(panel)
    assert any(said.startswith(note) for said in panel.notes)


ROWS = {
    "a broken time": ("2024-01-1", "this row has 1 field"),
    "a time with a mark": ("*2024-01-13,36", "'*2024-01-13' is not a time"),
    "a word beside a value": ("Autumn,36", "'Autumn' is not a time"),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_last_row_that_cannot_be_read_is_no_remark(load: Load, name: str) -> None:
    row, what = ROWS[name]
    with pytest.raises(InputError, match=re.escape(what)) as caught:
        load("date,value\n" + lines("{time:%Y-%m-%d},{value}") + row)
    assert "row 14" in caught.value.where


def test_below_a_row_for_each_series_a_remark_has_a_sign(load: Load) -> None:
    heads = ",".join(MONTHS.strftime("%Y-%m"))
    regions = f"region,{heads}\nNorth,{','.join(map(str, VALUES))}\n"
    check(load(regions + "Source: Office\n"), MONTHS)
    with pytest.raises(InputError, match="this row has 1 field"):
        load(regions + "South\n")


MIDDLE = {
    "its header again": "date,value\n",
    "its header again, behind a mark": "\n\ufeffdate, value\n",
    "empty cells": " ,\n,\n",
}


@pytest.mark.parametrize("name", MIDDLE)
def test_files_that_were_put_together(load: Load, name: str) -> None:
    rows = lines("{time:%Y-%m-%d},{value}").splitlines(keepends=True)
    text = "date,value\n" + "".join([*rows[:5], MIDDLE[name], *rows[5:]])
    panel = load(text)
    check(panel)
    assert any(note.endswith("left out") for note in panel.notes)
    with pytest.raises(InputError, match="'x' is not a number") as caught:
        load(text.replace(",31", ",x"))
    line = text[: text.index(",31")].count("\n") + 1
    assert caught.value.where.endswith(f"row {line}, column 'value'")


NAMELESS = {
    "behind": ("date,value,,,\n", "{time:%Y-%m-%d},{value},,,"),
    "before": (",,date,value\n", ",,{time:%Y-%m-%d},{value}"),
    "one of numbers": (",date,value,,\n", "{value},{time:%Y-%m-%d},{value},,"),
}


@pytest.mark.parametrize("name", NAMELESS)
def test_empty_columns_of_a_spreadsheet(load: Load, name: str) -> None:
    head, layout = NAMELESS[name]
    check(load(head + lines(layout)))


def test_columns_of_numbers_have_to_have_names(load: Load) -> None:
    with pytest.raises(InputError, match="columns 2 and 3 have no name"):
        load("date,,,\n" + lines("{time:%Y-%m-%d},{value},{value},"))


@pytest.mark.parametrize("mark", ["\ufeff\ufeff", "\u200b", "\u200e"])
def test_marks_that_nobody_sees_are_no_part_of_a_name(load: Load, mark: str) -> None:
    assert load(f"{mark}date,value\n" + lines("{time:%Y-%m-%d},{value}")).time == "date"
