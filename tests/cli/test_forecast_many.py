"""``gatewise forecast-many``: a folder in, a folder out, and what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatewise.cli import follow
from gatewise.models.forecast.many import run
from gatewise.models.forecast.many.folder import Folder
from gatewise.models.forecast.many.worker import Worker


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def forecast_buckets(folder: Folder, left: list[int], count: int) -> Iterator[int]:
        for number in left:
            Worker(folder).forecast(number)
            yield number

    monkeypatch.setattr(run, "forecast_buckets", forecast_buckets)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    days = pd.date_range("2024-01-01", periods=40)
    frame = pd.concat(
        pd.DataFrame({"shop": f"s{number}", "day": days, "sold": 10.0 + number + np.arange(40) % 7})
        for number in range(3)
    )
    frame.iloc[50, 2] = np.nan
    frame.to_parquet(tmp_path / "sales.parquet", index=False)
    return tmp_path / "sales.parquet"


def test_it_says_what_was_forecast_and_what_was_set_aside(source: Path, capsys: pytest.CaptureFixture[str]):
    out = source.with_name("out")
    words = ["forecast-many", str(source), "--out", str(out), "--horizon", "7", "--model", "seasonal_naive"]
    assert follow(words) == 0
    said = capsys.readouterr().out
    assert "2 series forecast by SeasonalNaive, 7 steps ahead, 1 series refused." in said
    assert "missing values" in said
    assert "_set-aside.csv" in said
    assert "Season 7, visible in the data." in said
    assert len(pd.read_parquet(out)) == 14
    assert follow([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["series"] == 2
    assert document["refused"] == {"missing values": 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "{out}"], "--horizon is missing"),
        (["--out", "{source}", "--horizon", "3"], "--out: the forecasts would stand among the data"),
        (["--out", "{out}", "--horizon", "3", "--level", "a"], "--level is 'a'"),
        (["--out", "{out}", "--horizon", "3", "--id-col", "nobody"], "there is no column 'nobody'"),
    ],
)
def test_what_cannot_be_carried_out_is_said_in_a_line(
    source: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    filled = [word.format(out=source.with_name("out"), source=source) for word in words]
    assert follow(["forecast-many", str(source), *filled]) != 0
    assert said in capsys.readouterr().err


def test_what_a_saved_model_has_settled_is_not_asked_for_again(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    model = tmp_path / "model"
    words = ["forecast", str(source), "--horizon", "7", "--model", "naive", "--fill", "zero", "--save", str(model)]
    assert follow(words) == 0
    again = ["forecast-many", str(source), "--out", str(tmp_path / "out"), "--load", str(model)]
    assert follow([*again, "--level", "80"]) != 0
    assert "--level cannot be used with --load" in capsys.readouterr().err
    assert follow([*again, "--horizon", "8"]) != 0
    assert "--horizon cannot be used with --load" in capsys.readouterr().err


def test_forecasts_are_kept_within_the_bounds(source: Path, capsys: pytest.CaptureFixture[str]):
    out = source.with_name("out")
    words = ["forecast-many", str(source), "--out", str(out), "--horizon", "7", "--model", "naive"]
    assert follow([*words, "--min", "12.5", "--max", "13.5", "--round"]) == 0
    assert set(pd.read_parquet(out).filter(like="Naive").to_numpy().ravel()) == {13.0}
