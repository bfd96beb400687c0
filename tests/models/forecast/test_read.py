"""How a table is read can be said in Python as on the command line, and is remembered for further tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gatewise
from gatewise.cli import follow
from gatewise.errors import InputError, advised, argument
from gatewise.forecast import Forecaster, ReadOptions
from gatewise.tables.panel import Panel

DAYS = pd.date_range("2024-01-01", periods=20)
READ = ReadOptions(time="day", target="sold", id="shop", fill="linear", duplicates="mean", decimal=",", season=2)


def table(begin: int = 0, end: int = 20) -> pd.DataFrame:
    """Two shops with a remark beside each row; a gap, a repeated day, numbers with a decimal comma."""
    parts = [
        pd.DataFrame({"remark": DAYS.strftime("%A"), "shop": shop, "day": DAYS, "sold": np.arange(20) + 0.5 + shift})
        for shop, shift in (("a", 0), ("b", 100))
    ]
    parts = [part.drop(index=[4, 15]).iloc[[i for i in range(18) if begin <= i < end]] for part in parts]
    frame = pd.concat([*parts, parts[0].iloc[-1:]], ignore_index=True)
    return frame.assign(sold=frame["sold"].astype(str).str.replace(".", ","))


def naive(**fields: Any) -> Forecaster:
    return Forecaster(3, model="naive", **fields)


def test_a_frame_is_read_as_it_is_said() -> None:
    forecaster = naive().fit(table(), read=READ)
    panel = forecaster.panel_
    assert panel is not None
    assert panel.ids == ("a", "b")
    assert panel.values[0].tolist() == (np.arange(20) + 0.5).tolist()
    assert (panel.time, panel.target, panel.season) == ("day", "sold", 2)
    assert forecaster.read_ is READ


def test_further_tables_are_read_in_the_same_way() -> None:
    forecaster = naive().fit(table(end=10), read=READ)
    history = forecaster.predict(table())
    forecaster.update(table(begin=10))
    pd.testing.assert_frame_equal(forecaster.predict(), history)
    pd.testing.assert_frame_equal(naive().fit(table(), read=READ).predict(), history)


def test_a_table_that_is_another_can_be_read_in_another_way(tmp_path: Path) -> None:
    forecaster = naive().fit(table(), read=READ)
    other = table().assign(sold=lambda frame: frame["sold"].str.replace(",", "."))
    told = ReadOptions(target="sold", id="shop", fill="linear", duplicates="mean")
    pd.testing.assert_frame_equal(forecaster.predict(other, read=told), forecaster.predict())
    forecaster.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    with pytest.raises(InputError, match='`id="remark"`'):
        loaded.predict(table())
    pd.testing.assert_frame_equal(loaded.predict(table(), read=READ), forecaster.predict())


def test_a_file_is_read_as_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table().rename(columns={"sold": "süß"}).to_csv("sold.csv", sep="|", index=False, encoding="latin-1")
    words = ["--time-col", "day", "--target", "süß", "--id-col", "shop", "--fill", "linear", "--duplicates", "mean"]
    words += ["--decimal", ",", "--season", "2", "--encoding", "latin-1", "--delimiter", "|", "--freq", "D"]
    shell = ["forecast", "sold.csv", "--horizon", "3", "--model", "naive", "--backtest", "0", "--out", "out.csv"]
    assert follow([*shell, *words]) == 0
    read = ReadOptions("day", "süß", "shop", "D", 2, "linear", "mean", "latin-1", "|", ",")
    written = pd.read_csv("out.csv", parse_dates=["ds"])
    for path in ("sold.csv", tmp_path / "sold.csv"):
        told = naive().fit(path, read=read).predict()
        pd.testing.assert_frame_equal(told, written, check_dtype=False)


@pytest.mark.parametrize(
    ("frame", "read", "forecaster", "what"),
    [
        (table(), None, {}, r"several columns could be the series[\s\S]*`id=\"remark\"`.*\(set in ReadOptions"),
        (
            table(),
            ReadOptions(id="shop", target="sold", decimal=","),
            {},
            r"use `duplicates=\"mean\"`[\s\S]*ReadOptions",
        ),
        (table(), ReadOptions(delimiter=";"), {}, "`delimiter`: only a file can be read with it"),
        (table(), ReadOptions(encoding="utf-8"), {}, "`encoding`: only a file can be read with it"),
        (table(), READ, {"season": 7}, "the season is 7 for the forecaster, and 2 for the table"),
        ("nowhere.csv", None, {}, "nowhere.csv: there is no such file"),
    ],
)
def test_what_cannot_be_read(frame: Any, read: ReadOptions | None, forecaster: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        naive(**forecaster).fit(frame, read=read)
    assert "--" not in str(caught.value)


def test_a_panel_is_read_already() -> None:
    panel = naive().fit(table(), read=READ).panel_
    assert isinstance(panel, Panel)
    with pytest.raises(InputError, match="a Panel is read already"):
        naive().fit(panel, read=READ)
    fitted = naive().fit(table(), read=READ)
    pd.testing.assert_frame_equal(fitted.predict(panel), fitted.predict())


def test_a_season_is_said_once_for_all() -> None:
    assert naive(season=2).fit(table(), read=READ).schema_.season == 2
    assert naive().fit(table(), read=READ).schema_.season == 2
    fitted = naive().fit(table(), read=READ)
    with pytest.raises(InputError, match="the season is 2 for the forecaster, and 5"):
        fitted.predict(table(), read=ReadOptions(season=5))


def test_the_options_are_documented() -> None:
    text = gatewise.forecast.ReadOptions.__doc__
    assert text
    for name in ReadOptions.__dataclass_fields__:
        assert f"\n        {name}: " in text
    assert "\n    Args:" in text
    assert "\n    Raises:" in text


def test_an_error_keeps_its_fields_where_it_says_how_to_read_in_python() -> None:
    error = InputError("it is too short", hint=f"use {argument('fill')}", row=3, column="y")
    told = advised(error, "another")
    assert (type(told), told.what, told.where, told.hint) == (InputError, error.what, error.where, "another")
    assert (told.row, told.column) == (3, "y")
    assert str(told) == "row 3 (counted from 0), column 'y': it is too short\nhint: another"
