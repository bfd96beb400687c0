"""Files that are none, that unpack to more than memory holds, or that stand for others; and tables without end."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatewise.errors import InputError
from gatewise.tables import frames, reading, table, text_file
from gatewise.tables.frames import check_names
from gatewise.tables.labelled import load_labelled
from gatewise.tables.panels import panel_from_frame
from gatewise.tables.reading import load_panel
from gatewise.tables.text_file import read_text

DAILY = "ds,y\n" + "".join(f"2024-01-0{day},{day}\n" for day in range(1, 8))


@pytest.mark.parametrize("read", [load_panel, load_labelled, read_text])
@pytest.mark.parametrize("name", ["pipe", "pipe.ts", "/dev/zero", "."])
def test_what_is_no_file_is_refused_before_anything_waits(read, name, tmp_path):
    if name.startswith("pipe"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="this is a"):
        read(tmp_path / name)


@pytest.mark.parametrize("packed", [False, True])
def test_a_text_is_read_no_further_than_memory_should_hold(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(text_file, "MAX_TEXT", 3 * text_file.CHUNK)
    for size, fits in ((3 * text_file.CHUNK, True), (30 * text_file.CHUNK, False)):
        text = b"a" * size
        (tmp_path / "text").write_bytes(gzip.compress(text, 1) if packed else text)
        if fits:
            assert read_text(tmp_path / "text") == text.decode()
        else:
            with pytest.raises(InputError, match="more than 3,145,728 bytes of text come out of this file"):
                read_text(tmp_path / "text")


def test_rows_packed_into_next_to_nothing_are_counted_first(tmp_path, monkeypatch):
    path = tmp_path / "table.parquet"
    pd.DataFrame({"ds": np.arange(5000), "y": np.ones(5000)}).to_parquet(path)
    assert len(load_panel(path).values[0]) == 5000
    monkeypatch.setattr(reading, "MAX_ROWS", 4999)
    with pytest.raises(InputError, match="the table has 5,000 rows, more than 4,999"):
        load_panel(path)


@pytest.mark.skipif(os.sep == "\\", reason="a backslash is a separator here")
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("name", ["a\\*", "a\\[b]", "a\\?"])
def test_a_name_that_stands_for_another_file_is_refused(name, suffix, tmp_path):
    (tmp_path / "a").mkdir()
    write = {".csv": lambda frame, path: frame.to_csv(path, index=False), ".parquet": pd.DataFrame.to_parquet}[suffix]
    frame = pd.DataFrame({"ds": [1, 2, 3], "y": [1.0, 2.0, 3.0]})
    write(frame, tmp_path / f"{name}{suffix}")
    write(frame.assign(y=666.0), tmp_path / f"a/b{suffix}")
    with pytest.raises(InputError, match="stands for other files too"):
        load_panel(tmp_path / f"{name}{suffix}")


@pytest.mark.parametrize(
    "name", ["a*.csv", "[b].csv", "{a,b}.csv", "a\\b.csv", "?.csv", "~.csv", "http:.csv", "a'b.csv"]
)
def test_other_odd_names_are_the_files_they_name(name, tmp_path):
    (tmp_path / name).write_text(DAILY)
    (tmp_path / "ab.csv").write_text(DAILY.replace(",1\n", ",666\n"))
    assert load_panel(tmp_path / name).values[0].tolist() == list(range(1, 8))


def test_names_without_end_are_refused_and_many_are_looked_at_once():
    most = frames.MOST_COLUMNS

    class Name(str):
        compared = 0
        __hash__ = str.__hash__

        def __eq__(self, other):
            Name.compared += 1
            return str.__eq__(self, other)

    check_names(tuple(Name(f"c{i}") for i in range(most)), "here")
    assert Name.compared < most
    with pytest.raises(InputError, match="there are 20,001 columns, more than 20,000"):
        check_names(tuple(map(str, range(most + 1))), "here")
    with pytest.raises(InputError, match="columns 2 and 4 are named 'b'"):
        check_names(("a", "b", "c", "b"), "here")


def test_columns_that_are_fetched_in_parts_are_those_fetched_at_once(monkeypatch):
    frame = pd.DataFrame({"ds": np.arange(50), **{f"s{i}": np.arange(50) * (i + 1) for i in range(30)}}).astype(str)
    whole = panel_from_frame(frame)
    monkeypatch.setattr(table, "_NARROW", 7)
    parts = panel_from_frame(frame)
    assert parts.ids == whole.ids
    assert all(np.array_equal(one, other) for one, other in zip(parts.values, whole.values, strict=True))


def test_a_wide_file_is_refused_by_its_header(tmp_path: Path):
    (tmp_path / "wide.csv").write_text(",".join(f"c{i}" for i in range(50_000)) + "\n")
    with pytest.raises(InputError, match="there are 50,000 columns"):
        load_panel(tmp_path / "wide.csv")
