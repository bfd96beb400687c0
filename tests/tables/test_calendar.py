from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from gatewise.errors import InputError
from gatewise.tables.calendar import read_times
from gatewise.tables.table import Table, database
from gatewise.tables.times import Reading

Read = Callable[..., list[Reading]]


@pytest.fixture(scope="module")
def read() -> Iterator[Read]:
    """The readings of a column of these cells."""
    with database("table") as connection:

        def from_cells(*cells: str, kind: str = "VARCHAR") -> list[Reading]:
            query = f"CREATE OR REPLACE TEMP TABLE cells AS SELECT CAST(unnest(?) AS {kind}) AS c0"
            connection.execute(query, [list(cells)])
            kinds = tuple(str(found) for found in connection.table("cells").types)
            table = Table(connection, "table", ("ds",), kinds, lambda row: f"row {row + 2}")
            table.keep([0])
            return read_times(table, 0)

        yield from_cells


FORMS = {
    "2024-02-01": "2024-02-01",
    " 2024-02-01 ": "2024-02-01",
    "2024-2-1": "2024-02-01",
    "2024/02/01": "2024-02-01",
    "2024.02.01": "2024-02-01",
    "2024-02-01 9:05": "2024-02-01T09:05",
    "2024-02-01T10:05:06": "2024-02-01T10:05:06",
    "2024-02-01 10:05:06.123456789": "2024-02-01T10:05:06.123456789",
    "2024-02-01T00:00Z": "2024-02-01",
    "2024-02-01T00:00+09:00": "2024-02-01",
    "2024-02-01T09:00+09:00": "2024-02-01",
    "2024-02-01 01:00 UTC": "2024-02-01T01:00",
    "2024-02-01 01:00:00+0530": "2024-01-31T19:30",
    "2024-02-01 01:00:00.5-02": "2024-02-01T03:00:00.5",
    "13/02/2024": "2024-02-13",
    "02/13/2024": "2024-02-13",
    "02-13-2024 1:05 PM": "2024-02-13T13:05",
    "13.2.2024 12:30": "2024-02-13T12:30",
    "31.12.99": "1999-12-31",
    "1 Feb 2024": "2024-02-01",
    "01-Feb-2024": "2024-02-01",
    "01-Feb-24": "2024-02-01",
    "feb 1, 2024": "2024-02-01",
    "February 1, 2024": "2024-02-01",
    "1949-01": "1949-01",
    "1949/1": "1949-01",
    "01/1949": "1949-01",
    "Jan 1949": "1949-01",
    "January 1949": "1949-01",
    "1949-Jan": "1949-01",
    "Jan-24": "2024-01",
    "2024Q3": "2024-07",
    "2024-Q4": "2024-10",
    "Q1 2024": "2024-01",
    "2024-W05": "2024-01-29",
    "20240229": "2024-02-29",
    "202402": "2024-02",
    "1706745600": "2024-02-01",
    "1706745600000": "2024-02-01",
    "1706745600000000": "2024-02-01",
    "1706745600000000000": "2024-02-01",
}


@pytest.mark.parametrize("cell", FORMS)
def test_a_form_of_time(read: Read, cell: str) -> None:
    (reading,) = (reading for reading in read(cell) if reading.year)
    assert reading.calendar
    assert reading.times.view("M8[ns]")[0] == np.datetime64(FORMS[cell])


@pytest.mark.parametrize("cell", ["1949", "0", "-3", "20240230", "202463", "123456", "99999999999999"])
def test_a_counter(read: Read, cell: str) -> None:
    (reading,) = read(cell)
    assert not reading.calendar
    assert reading.times.tolist() == [int(cell)]


NO_TIMES = [
    "foo",
    "2023-02-29",
    "9999-12-31",
    "1500-01-01",
    "infinity",
    "epoch",
    "1.5",
    "12:30",
    "2024-Q5",
    "1e3",
]
ODD_TIMES = ["2024-01-01 25:00", "2024-01-01 12:00 PM", "2024-01-01 00:00 Europe/Berlin", "0044-03-15 (BC)"]


@pytest.mark.parametrize("cell", [*NO_TIMES, *ODD_TIMES])
def test_what_is_no_time(read: Read, cell: str) -> None:
    with pytest.raises(InputError, match="not a time") as caught:
        read(cell)
    assert caught.value.where == "table, row 2, column 'ds'"


def test_the_whole_column_tells_days_from_months(read: Read) -> None:
    days = [f"{day:02}/01/2024" for day in range(1, 14)]
    (reading,) = read(*days)
    assert reading.words == "dates read as day/month/year"
    (reading,) = read(*(f"{day[3:5]}/{day[:2]}/2024" for day in days))
    assert reading.words == "dates read as month/day/year"
    readings = read(*days[:12])
    assert [reading.words for reading in readings] == ["dates read as day/month/year", "dates read as month/day/year"]
    assert [str(reading.times.view("M8[ns]")[1])[:10] for reading in readings] == ["2024-01-02", "2024-02-01"]
    (reading,) = read("01/01/2024", "02/02/2024")
    assert reading.words == ""


def test_the_column_may_decide_after_the_first_thousand_rows(read: Read) -> None:
    (reading,) = read(*["01/02/2024"] * 3000, "13/01/2024")
    assert reading.words == "dates read as day/month/year"


def test_one_number_among_dates_and_one_date_among_numbers(read: Read) -> None:
    with pytest.raises(InputError, match="'5' is not a time written like '2024-01-01'") as caught:
        read("2024-01-01", "2024-01-02", "5")
    assert caught.value.where == "table, row 4, column 'ds'"
    with pytest.raises(InputError, match="'2024-01-01' is not a whole number"):
        read("1", "2", "2024-01-01")


@pytest.mark.parametrize("kind", ["DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_S", "TIMESTAMPTZ"])
def test_columns_that_hold_times(read: Read, kind: str) -> None:
    (reading,) = read("2024-02-01", kind=kind)
    assert reading.times.view("M8[ns]")[0] == np.datetime64("2024-02-01")
    assert reading.words == ("times converted to UTC" if kind == "TIMESTAMPTZ" else "")


@pytest.mark.parametrize("kind", ["TINYINT", "BIGINT", "UBIGINT", "HUGEINT", "DOUBLE", "DECIMAL(9, 2)"])
def test_columns_that_hold_numbers(read: Read, kind: str) -> None:
    (reading,) = read("3", "4", kind=kind)
    assert reading.times.tolist() == [3, 4]
    assert not reading.calendar


@pytest.mark.parametrize(
    ("cell", "kind", "what"),
    [
        ("9999-01-01", "DATE", "not between 1678 and 2261"),
        ("infinity", "TIMESTAMP", "not between 1678 and 2261"),
        ("1.5", "DOUBLE", "'1.5' is not a time in a form known here"),
        ("1e30", "DOUBLE", "not a time in a form known here"),
        ("true", "BOOLEAN", "holds BOOLEAN, not times"),
        ("1 day", "INTERVAL", "holds INTERVAL, not times"),
    ],
)
def test_typed_columns_that_hold_no_times(read: Read, cell: str, kind: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        read(cell, kind=kind)
