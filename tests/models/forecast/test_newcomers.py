"""Series without a history: like those that are described like them, as far as descriptions tell."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.tolerance import ROUNDING

from gatewise.cli import follow
from gatewise.errors import InputError
from gatewise.forecast import Forecaster
from gatewise.models.forecast.newcomers import alike, mixed

SHOPS, DAYS, HORIZON = 40, 30, 5
RNG = np.random.default_rng(0)
SIZE, KIND = RNG.lognormal(3, 1, SHOPS), RNG.choice(["city", "village"], SHOPS)
LEVEL = SIZE * np.where(KIND == "city", 4.0, 1.0)
NAMES = [f"s{number}" for number in range(SHOPS)]
STATIC = pd.DataFrame({"shop": NAMES, "size": SIZE, "kind": KIND, "junk": RNG.normal(size=SHOPS)})
TABLE = pd.DataFrame(
    {
        "shop": np.repeat(NAMES, DAYS),
        "day": np.tile(pd.date_range("2024-01-01", periods=DAYS), SHOPS),
        "sold": np.repeat(LEVEL, DAYS) * RNG.normal(1, 0.05, SHOPS * DAYS),
    }
)
NEW = ["s0", "s1", "s2", "s3", "s4"]
KNOWN = TABLE[~TABLE["shop"].isin(NEW)]


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    return Forecaster(HORIZON, model="naive", season=1).fit(KNOWN, static=STATIC)


def off(found: pd.DataFrame) -> float:
    """The mean factor by which forecasts are off."""
    away = np.log(found["Naive"].to_numpy().reshape(-1, HORIZON)[:, 0] / LEVEL[: len(NEW)])
    return float(np.exp(np.abs(away).mean()))


def test_what_describes_them_tells_their_level(fitted: Forecaster):
    found = fitted.predict(new=NEW)
    assert found["unique_id"].tolist()[-len(NEW) * HORIZON :: HORIZON] == NEW
    assert found["ds"].iloc[-1] == pd.Timestamp("2024-02-04")
    assert found.iloc[: -len(NEW) * HORIZON].equals(fitted.predict())
    own = found.iloc[-len(NEW) * HORIZON :]
    plain = Forecaster(HORIZON, model="naive", season=1).fit(KNOWN).predict(new="s0, s1,s2,s3,s4")
    assert off(own) < 1.6 < 2.2 < off(plain.iloc[-len(NEW) * HORIZON :])
    assert (own["Naive-lo-95"] <= own["Naive-lo-80"]).all()
    assert (own["Naive-lo-80"] < own["Naive-hi-80"]).all()
    held = (own["Naive-lo-95"].to_numpy() < np.repeat(LEVEL[: len(NEW)], HORIZON)).mean()
    assert held == 1
    said = fitted.forecast(new=NEW).notes[-1]
    assert "35 other series, of which those alike in 'size' and 'kind' count most" in said


def test_after_a_file_the_table_is_given_again(fitted: Forecaster, tmp_path: Path):
    fitted.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    assert loaded.predict(KNOWN, new="s0", static=STATIC).equals(fitted.predict(new="s0"))
    assert "all count alike" in loaded.forecast(KNOWN, new="s0").notes[-1]


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("s9", "the series 's9' has a history"),
        ("", "`new` is ''"),
        (["s0", "s0"], "`new` is"),
        ("nobody", "1 series has no row: nobody"),
    ],
)
def test_what_cannot_be_forecast_is_refused(fitted: Forecaster, new: str, words: str):
    with pytest.raises(InputError, match=words):
        fitted.predict(new=new)


def test_what_tells_nothing_counts_nothing():
    rng = np.random.default_rng(1)
    known, words = np.column_stack([rng.normal(size=(60, 2)), rng.integers(0, 3, 60)]), np.array([False, False, True])
    shares, sharpness = alike(known, known[:2], words, np.exp(rng.normal(size=60)))
    assert sharpness.tolist() == [0.0, 0.0, 0.0]
    assert shares == pytest.approx(np.full((2, 60), 1 / 60))
    shares, sharpness = alike(known, known[:2], words, np.exp(3 * known[:, 0]))
    assert sharpness[0] > 0
    assert sharpness[1:].tolist() == [0.0, 0.0]
    assert shares[0, 0] > 3 / 60


def test_a_mixture_holds_what_each_of_its_parts_holds():
    levels = (0.1, 0.5, 0.9)
    parts = np.array([[[-1.0, 0.0, 1.0]], [[9.0, 10.0, 11.0]]])
    alone = mixed(parts, np.array([[1.0, 0.0]]), levels)
    assert alone == pytest.approx(parts[:1], abs=0.07)
    both = mixed(parts, np.array([[0.5, 0.5]]), levels)
    assert both[0, 0, 0] == pytest.approx(-0.66, abs=0.07)  # a fifth of the first part lies below
    assert both[0, 0, 2] == pytest.approx(10.66, abs=0.07)
    assert mixed(parts[:1, :, 1:2], np.array([[1.0]]), (0.5,)).item() == pytest.approx(0.0, abs=ROUNDING)


def test_what_would_be_dropped_is_refused(fitted: Forecaster):
    with pytest.raises(InputError, match="`total` is of series with a history, and `new` names some without"):
        fitted.predict(new=["s0"], total=True)
    with pytest.raises(InputError, match="`static` describes series that `new` names, and it names none"):
        fitted.predict(static=STATIC)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    KNOWN.to_csv("sales.csv", index=False)
    STATIC.to_csv("shops.csv", index=False)
    words = ["forecast", "sales.csv", "--horizon", "5", "--model", "naive", "--season", "1", "--static"]
    words += ["shops.csv", "--backtest", "0"]
    assert follow([*words, "--new", "s0,s1", "--out", "out.csv", "--report", "page.html"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "s0, without a history: Naive, the next 5 days" in said
    assert "have no history: their forecasts are mixtures of those of 35 other series" in said
    assert pd.read_csv("out.csv")["unique_id"].tolist()[-6:] == ["s0"] + ["s1"] * 5
    assert "s1, without a history" in Path("page.html").read_text()
    assert follow([*words, "--new", "s0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["forecast"][-1]["unique_id"] == "s0"
