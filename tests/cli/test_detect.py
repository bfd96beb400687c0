"""``gatewise detect``: what it says, writes, and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatewise.cli import follow


@pytest.fixture
def load(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    values = 50 + 10 * np.sin(2 * np.pi * np.arange(300) / 24) + rng.normal(size=300)
    values[250] = 140
    frame = pd.DataFrame({"time": pd.date_range("2024-01-01", periods=300, freq="h"), "load": values.round(2)})
    frame[:280].to_csv(tmp_path / "load.csv", index=False)
    frame[280:].to_csv(tmp_path / "next.csv", index=False)
    return tmp_path / "load.csv"


def test_it_says_what_it_found_and_writes_it(load: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, rows = load.with_name("page.html"), load.with_name("rows.csv")
    assert follow(["detect", str(load), "--rate", "0.5%", "--report", str(page), "--out", str(rows)]) == 0
    said = capsys.readouterr().out
    assert "in 280 rows" in said
    assert "140.0" in said
    assert "1 spike" in said
    assert "gatewise detect" in page.read_text()
    assert len(pd.read_csv(rows)) == 280
    assert follow(["detect", str(load), "--rate", "0.005", "--json"]) == 0
    assert "2024-01-11T10:00" in [alert["peak"] for alert in json.loads(capsys.readouterr().out)["alerts"]]


def test_a_saved_detector_goes_on_and_may_be_saved_where_it_came_from(
    load: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, later = str(load.with_name("watch.safetensors")), str(load.with_name("next.csv"))
    assert follow(["detect", str(load), "--alerts", "5/month", "--save", file]) == 0
    assert follow(["detect", later, "--load", file, "--save", file, "--json"]) == 0
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert document["rows"] == 20
    assert document["budget"] == "5 alerts a month"
    assert follow(["detect", later, "--load", file]) != 0
    assert "overlap" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rate", "much"], "--rate is 'much'"),
        (["--rate", "2"], "--rate is 2.0"),
        (["--alerts", "5"], "--alerts is '5'"),
        (["--alerts", "5/day", "--rate", "0.1"], "--alerts and --rate say the same"),
        (["--load", "{other}", "--alerts", "5/day"], "--alerts cannot be used with --load"),
        (["--out", "{data}"], "named twice"),
        (["--load", "{data}"], "load.csv"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_message(
    load: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [word.format(data=load, other=load.with_name("other")) for word in words]
    assert follow(["detect", str(load), *filled]) != 0
    error = capsys.readouterr().err
    assert said in error
    assert error.count("gatewise:") <= 1
