from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatewise.errors import InputError
from gatewise.tables.options import DEFAULTS
from gatewise.tables.panel import Panel
from gatewise.tables.reading import ReadOptions, load_panel

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
DAILY = "ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,4\n"


# What users have, and it works without an option.


def test_air_passengers() -> None:
    panel = load_panel(ROOT / "examples" / "air_passengers.csv")
    assert panel.ids == ("#Passengers",)
    assert (panel.frequency.alias, panel.season) == ("MS", 12)
    assert panel.values[0][[0, -1]].tolist() == [112, 432]
    assert panel.times[0][[0, -1]].tolist() == list(np.array(["1949-01", "1960-12"], "M8[ns]").tolist())
    assert (panel.time, panel.target) == ("Month", "#Passengers")
    assert panel.notes == ("time column 'Month', target '#Passengers'", "monthly (MS)")


@pytest.mark.parametrize(("name", "alias", "season"), [("ETTh1", "h", 24), ("ETTm1", "15min", 96)])
def test_a_wide_table_of_the_electricity_transformers(tmp_path: Path, name: str, alias: str, season: int) -> None:
    archive = SHARED / "ett" / "ETT-small.zip"
    if not archive.exists():
        pytest.skip(f"{archive.name} is not here")
    with zipfile.ZipFile(archive) as packed:
        path = Path(packed.extract(f"ETT-small/{name}.csv", tmp_path))
    panel = load_panel(path)
    assert panel.ids == ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
    assert (panel.frequency.alias, panel.season, panel.target) == (alias, season, "")
    frame = pd.read_csv(path, float_precision="round_trip")
    assert all(np.array_equal(values, frame[name]) for name, values in zip(panel.ids, panel.values, strict=True))
    assert load_panel(path, ReadOptions(target="OT")).ids == ("OT",)


def test_a_long_table(load: Callable[..., Panel]) -> None:
    panel = load("unique_id,ds,y\nb,2024-01-01,1\nb,2024-01-02,2\na,2024-01-01,3\na,2024-01-02,4\na,2024-01-03,5\n")
    assert panel.ids == ("b", "a")
    assert [values.tolist() for values in panel.values] == [[1, 2], [3, 4, 5]]
    assert panel.times[1].dtype == "M8[ns]"
    assert (panel.time, panel.target) == ("ds", "y")
    assert panel.notes[0] == "time column 'ds', target 'y', series column 'unique_id'"


@dataclass(frozen=True)
class Good:
    """A file that says 1, 2, 4 on the first three days of 2024, and what is noted about it."""

    content: str | bytes
    note: str = ""
    options: ReadOptions = DEFAULTS
    ids: tuple[str, ...] = ("y",)


SEMICOLONS = "ds;y;z\n2024-01-01;1,0;x\n2024-01-02;2,0;x\n2024-01-03;4,0;x\n"
GOOD = {
    "plain": Good(DAILY),
    "carriage returns and newlines": Good(DAILY.replace("\n", "\r\n")),
    "carriage returns only": Good(DAILY.replace("\n", "\r")),
    "line ends of two kinds": Good(DAILY.replace("\n", "\r\n", 2)),
    "no last line end": Good(DAILY.rstrip()),
    "empty lines": Good("\n\n" + DAILY.replace("\n", "\n\n")),
    "UTF-8 with a mark": Good(DAILY.encode("utf-8-sig")),
    "UTF-16 with a mark": Good(DAILY.encode("utf-16"), "encoding utf-16"),
    "UTF-16 big-endian with a mark": Good(b"\xfe\xff" + DAILY.encode("utf-16-be"), "encoding utf-16"),
    "UTF-16 without a mark": Good(DAILY.encode("utf-16-le"), options=ReadOptions(encoding="utf-16-le")),
    "Latin-1": Good(
        DAILY.replace("y", "\u00fc").encode("latin-1"), options=ReadOptions(encoding="latin-1"), ids=("\u00fc",)
    ),
    "gzip": Good(gzip.compress(DAILY.encode())),
    "gzip in two members": Good(gzip.compress(DAILY[:20].encode()) + gzip.compress(DAILY[20:].encode())),
    "gzip of UTF-16": Good(gzip.compress(DAILY.encode("utf-16")), "encoding utf-16"),
    "semicolons and decimal commas": Good(SEMICOLONS, "decimal comma"),
    "semicolons": Good(SEMICOLONS, "cells separated by semicolons"),
    "tabs": Good(DAILY.replace(",", "\t"), "cells separated by tabs"),
    "a delimiter that was said": Good(DAILY.replace(",", "~"), options=ReadOptions(delimiter="~")),
    "tabs that were said": Good(DAILY.replace(",", "\t"), options=ReadOptions(delimiter="tab")),
    "quotes": Good(DAILY.replace("ds", '"ds"').replace("2024-01-02", '"2024-01-02"')),
    "decimal commas in quotes": Good('ds,y\n2024-01-01,"1,0"\n2024-01-02,"2,0"\n2024-01-03,"4,0"\n', "decimal comma"),
    "spaces around cells": Good(DAILY.replace(",", " , ").replace("ds ,", "ds,").replace(", y", ",y")),
    "exponents and signs": Good("ds,y\n2024-01-01,+1e0\n2024-01-02,.2E1\n2024-01-03,4.\n"),
    "rows out of order": Good(
        "ds,y\n2024-01-01,1\n2024-01-03,4\n2024-01-02,2\n",
        "sorted: first 2024-01-02",
    ),
    "a saved index": Good(",ds,y\n0,2024-01-01,1\n1,2024-01-02,2\n2,2024-01-03,4\n", "1 column not used: ''"),
    "other names": Good(
        "item_id,timestamp,target\nA,2024-01-01,1\nA,2024-01-02,2\nA,2024-01-03,4\n",
        "series column 'item_id'",
        ids=("A",),
    ),
    "upper case and spaces": Good("Item ID,Date,Sales\nA,2024-01-01,1\nA,2024-01-02,2\nA,2024-01-03,4\n", ids=("A",)),
    "remarks": Good("ds,remark,y\n2024-01-01,a,1\n2024-01-02,b,2\n2024-01-03,c,4\n", "1 column not used: 'remark'"),
    "day first": Good(
        "ds,y\n01/01/2024,1\n02/01/2024,2\n03/01/2024,4\n13/01/2024,4\n", options=ReadOptions(fill="previous")
    ),
    "points in dates": Good("ds,y\n01.01.2024,1\n02.01.2024,2\n03.01.2024,4\n", "day/month/year"),
    "epoch seconds": Good("ds,y\n1704067200,1\n1704153600,2\n1704240000,4\n", "seconds since 1970"),
    "epoch milliseconds": Good("ds,y\n1704067200000,1\n1704153600000,2\n1704240000000,4\n", "milliseconds since 1970"),
    "compact dates": Good("ds,y\n20240101,1\n20240102,2\n20240103,4\n", "%Y%m%d"),
    "midnights of one place": Good(
        "ds,y\n2024-01-01T00:00+01:00,1\n2024-01-02T00:00+01:00,2\n2024-01-03 00:00+02,4\n", "read as dates"
    ),
    "offsets": Good(
        "ds,y\n2024-01-01T01:00+01:00,1\n2024-01-02T00:00Z,2\n2024-01-03T00:00+0000,4\n", "converted to UTC"
    ),
    "a mean of equal times": Good(
        "ds,y\n2024-01-01,1\n2024-01-02,1\n2024-01-02,3\n2024-01-03,4\n",
        "1 row with a time already seen, their mean was kept: first 2024-01-02",
        ReadOptions(duplicates="mean"),
    ),
    "the last of equal times": Good(
        "ds,y\n2024-01-01,1\n2024-01-02,9\n2024-01-02,2\n2024-01-03,4\n",
        "the last was kept",
        ReadOptions(duplicates="last"),
    ),
    "a gap": Good(
        "ds,y\n2024-01-01,1\n2024-01-03,4\n2024-01-04,8\n2024-01-05,8\n2024-01-06,8\n".replace("03,4", "03,3"),
        "1 gap filled linearly: first 2024-01-02",
        ReadOptions(fill="linear"),
    ),
}
GOOD["a gap"] = Good(
    "ds,y\n2024-01-01,1\n2024-01-03,4\n2024-01-04,4\n2024-01-05,4\n",
    "1 gap filled with zero: first 2024-01-02",
    ReadOptions(fill="zero"),
)


@pytest.mark.parametrize("name", GOOD)
def test_what_is_read_right(load: Callable[..., Panel], name: str) -> None:
    case = GOOD[name]
    panel = load(case.content, case.options)
    assert panel.ids == case.ids
    values = panel.values[0][:3].tolist()
    assert values == ([1, 0, 4] if case.options.fill == "zero" else [1, 2, 4])
    assert panel.times[0][:3].astype("M8[D]").astype(str).tolist() == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert panel.frequency.alias == "D"
    assert not case.note or any(case.note in note for note in panel.notes), panel.notes


@pytest.mark.parametrize(
    "name", ["a[1].csv", "a*.csv", "a?.csv", "a'b.csv", "year=2024.csv", "a{1,2}.csv", "a.txt", "\u00fc"]
)
def test_a_name_is_no_pattern(load: Callable[..., Panel], tmp_path: Path, name: str) -> None:
    for other in ("a1.csv", "ab.csv"):
        (tmp_path / other).write_text(DAILY.replace(",4", ",9"))
    assert load(DAILY, name=name).values[0].tolist() == [1, 2, 4]


@pytest.mark.parametrize("name", ["plain.csv", "packed.csv.gz", "table.parquet"])
def test_a_folder_is_no_column(tmp_path: Path, name: str) -> None:
    path = tmp_path / "year=2024" / name
    path.parent.mkdir()
    frame = pd.DataFrame({"ds": pd.date_range("2024", periods=3), "y": [1.0, 2.0, 4.0]})
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    panel = load_panel(path)
    assert panel.notes[0] == "time column 'ds', target 'y'"
    assert len(panel.notes) == 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("inner", ["\n", "\r\n", "\r"])
def test_names_of_columns_may_hold_line_ends(load: Callable[..., Panel], end: str, inner: str) -> None:
    panel = load(DAILY.replace("\n", end).replace("y", f'"y{inner}(1)"'))
    assert panel.ids == (f"y{inner}(1)",)
    assert panel.values[0].tolist() == [1, 2, 4]


@pytest.mark.parametrize("name", ["a.parquet", "a[1]'.parquet"])
def test_parquet(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    frame = pd.DataFrame({"ds": pd.date_range("2024", periods=3), "unique_id": ["a"] * 3, "y": [1.0, 2.0, 4.0]})
    frame.to_parquet(path)
    assert load_panel(path).values[0].tolist() == [1, 2, 4]
    frame.assign(y=[1.0, np.nan, 4.0]).to_parquet(path)
    with pytest.raises(InputError, match="1 missing value") as caught:
        load_panel(path)
    assert caught.value.where == f"{path}, row 2, column 'y'"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="cannot be read"):
        load_panel(path)


def test_control_characters_in_names_are_kept(load: Callable[..., Panel]) -> None:
    panel = load('id,ds,y\n"\x1b[31ma\n",2024-01-01,1\n"\x1b[31ma\n",2024-01-02,2\n=1+1,2024-01-01,3\n')
    assert panel.ids == ("\x1b[31ma\n", "=1+1")
