"""Frames as CSV, against pandas' and Python's own writers."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.tables.csv_text import csv_text

DAYS = pd.date_range("2024-02-27", periods=4)
PLAIN = pd.DataFrame({"id": ["a", "b", "a", "c d"], "ds": DAYS, "y": [1.0, np.nan, -0.0, 1e-7], "n": [1, 2, 3, -4]})


@pytest.mark.parametrize(
    "frame",
    [
        PLAIN,
        PLAIN.assign(ds=DAYS + pd.Timedelta("90min")),
        PLAIN.assign(ds=DAYS + pd.Timedelta("1ms")),
        PLAIN.assign(ds=[4, 5, 6, 7], alert=[True, False, False, True]),
        PLAIN.assign(id=["comma, with", 'a "b"', "", "ü"]),
        PLAIN.rename(columns={"y": "LSTM, mean"}),
        PLAIN.assign(y=np.float32([0.1, 1, 2, 3])),
        PLAIN.iloc[:0],
    ],
    ids=["days", "times", "milliseconds", "counter", "quotes", "heading", "float32", "empty"],
)
def test_as_pandas_writes_it(frame: pd.DataFrame):
    assert csv_text(frame) == frame.to_csv(index=False, lineterminator="\n")


@given(st.lists(st.floats(width=64), min_size=1, max_size=20))
def test_numbers_are_read_back_to_the_bit(numbers: list[float]):
    lines = csv_text(pd.DataFrame({"x": numbers})).splitlines()[1:]
    assert [repr(float(line or "nan")) for line in lines] == [repr(number) for number in numbers]


@given(st.lists(st.text(), min_size=1, max_size=10))
def test_every_text_is_one_cell_that_no_spreadsheet_runs(texts: list[str]):
    rows = list(csv.reader(io.StringIO(csv_text(pd.DataFrame({"id": texts, "y": range(len(texts))})))))
    assert [len(row) for row in rows] == [2] * (len(texts) + 1)
    for (cell, _), text in zip(rows[1:], texts, strict=True):
        assert cell in (text, f"'{text}") or not text.isprintable()
        assert not cell.startswith(("=", "@"))


@pytest.mark.parametrize("text", ["a;=1", "a|b", "=1", "a\rb"])
def test_where_some_reader_would_split_a_text_all_but_numbers_is_quoted(text: str):
    frame = PLAIN.assign(id=[text, "b", "a, b", "c"], alert=[True, False, True, False])
    lines = csv_text(frame).splitlines()
    assert lines[0] == '"id","ds","y","n","alert"'
    assert lines[1].endswith('","2024-02-27",1.0,1,True')
    assert lines[2:] == [
        '"b","2024-02-28",,2,False',
        '"a, b","2024-02-29",-0.0,3,True',
        '"c","2024-03-01",1e-07,-4,False',
    ]
