"""The benchmark of covariates on a small table: what is known is worth something, and noise takes part as they do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from benchmarks.covariates import main as of_covariates
from benchmarks.covariates.main import NOISE, TASKS, Task, errors, limited, main, quickly, useless

from gatewise.models.forecast.network.settings import Settings

SMALL = Task("small.csv", "time", "load", ("heat",), 6, 2)


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    heat = rng.normal(size=120)
    times = pd.date_range("2024-01-01", periods=120, freq="D")
    return pd.DataFrame({"time": times, "load": 50 + 5 * heat + rng.normal(size=120), "heat": heat})


def test_what_is_known_takes_off_the_error(frame: pd.DataFrame) -> None:
    backtest = limited(SMALL, frame, SMALL.covariates, quickly)
    found = backtest.worth
    assert found is not None
    known = errors(backtest)
    assert known[found.model] < 0.5 * known[found.without]
    assert limited(SMALL, frame, (), quickly).worth is None


def test_what_noise_costs_is_printed(frame, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(TASKS, "small", SMALL)
    frame.to_csv(tmp_path / SMALL.file, index=False)
    useless("small", tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("small, ") and NOISE in line and line.endswith(" %") for line in lines)


def test_what_the_lstm_makes_of_them_is_printed(frame, tmp_path, monkeypatch, capsys) -> None:
    of = Settings.of
    monkeypatch.setattr(Settings, "of", lambda *sizes: replace(of(*sizes), steps=2, members=1))
    monkeypatch.setitem(TASKS, "small", SMALL)
    frame.to_csv(tmp_path / SMALL.file, index=False)
    main(["lstm", "--of", "small", "--data", str(tmp_path)])
    first, effect = capsys.readouterr().out.splitlines()
    assert first.startswith("small, LSTM: MAE ")
    assert effect.startswith("heat: error rises by ")


def test_how_long_a_fit_takes_is_printed(frame, tmp_path, monkeypatch, capsys) -> None:
    of = Settings.of
    monkeypatch.setattr(Settings, "of", lambda *sizes: replace(of(*sizes), steps=2, members=1))
    monkeypatch.setattr(of_covariates, "FITTED", ("lstm",))
    monkeypatch.setitem(TASKS, "small", SMALL)
    frame.to_csv(tmp_path / SMALL.file, index=False)
    main(["time", "--of", "small", "--data", str(tmp_path)])
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("small, lstm: a fit takes ")
    assert line.endswith(" times as long")
