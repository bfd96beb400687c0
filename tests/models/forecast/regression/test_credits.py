"""What makes the regression's forecast: parts that add up to it, and that covariates have earned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.tolerance import ROUNDING

from gatewise.cli import follow
from gatewise.errors import ExplanationError, InputError
from gatewise.forecast import Forecaster
from gatewise.inspect import look_inside
from gatewise.inspect.explain import Sum
from gatewise.models.forecast.regression import credits as module
from gatewise.models.forecast.regression.credits import owners_of

N, HORIZON = 210, 7
RNG = np.random.default_rng(0)
DAYS = pd.date_range("2024-01-01", periods=N + HORIZON)
WARM, PRICE = RNG.normal(size=N + HORIZON), RNG.normal(3, 0.2, N + HORIZON)
SKY = RNG.choice(["rain", "sun"], N + HORIZON)
WAVES = 20 * np.sin(np.arange(N + HORIZON) * 2 * np.pi / 7)
SOLD = 200 + WAVES + 15 * WARM + 30 * (SKY == "sun") + RNG.normal(size=N + HORIZON)
TABLE = pd.DataFrame({"ds": DAYS, "y": SOLD, "warm": WARM, "price": PRICE, "sky": SKY})
TABLE.loc[N:, "y"] = np.nan
COVARIATES = {"warm": None, "price": "past", "sky": None}


@pytest.fixture(scope="module", params=[0.0, -300.0], ids=["positive", "below zero"])
def fitted(request: pytest.FixtureRequest) -> Forecaster:
    table = TABLE.assign(y=TABLE["y"] + request.param)
    return Forecaster(HORIZON, model="regression", season=7).fit(table, covariates=COVARIATES)


def test_they_add_up_to_the_forecast(fitted: Forecaster):
    found, forecast = fitted.credits(), fitted.predict()
    parts = ["(base)", "(calendar)", "warm", "price", "sky", "(rest)", "(bounds)"]
    assert list(found) == ["unique_id", "ds", *parts, "Regression"]
    assert found["Regression"].equals(forecast["Regression"])
    assert found[parts].sum(axis=1).to_numpy() == pytest.approx(forecast["Regression"].to_numpy(), rel=ROUNDING)
    assert (found["(bounds)"] == 0).all()


def test_who_made_it_is_credited(fitted: Forecaster):
    found = fitted.credits()
    assert np.corrcoef(found["warm"], WARM[N:])[0, 1] > 0.97
    assert np.corrcoef(found["(calendar)"], WAVES[N:])[0, 1] > 0.97
    assert found["warm"].std() == pytest.approx(15 * WARM[N:].std(), rel=0.6)  # straight on the scale, not in units
    assert np.abs(found["price"]).max() < 4
    sunny = SKY[N:] == "sun"
    assert found["sky"][sunny].mean() - found["sky"][~sunny].mean() == pytest.approx(30, abs=6)
    other = fitted.credits(future=TABLE[N:][["ds", "warm", "sky"]].assign(warm=WARM[N:] + 1))
    assert (other["warm"] - found["warm"]).mean() == pytest.approx(15, abs=6)


@pytest.mark.parametrize("whole", [False, True])
def test_bounds_have_a_part_of_their_own(whole: bool):
    model = Forecaster(HORIZON, model="regression", season=7, maximum=190, whole=whole)
    found = model.fit(TABLE, covariates=COVARIATES).credits()
    assert found["Regression"].max() == 190
    assert found["(bounds)"].min() < 0
    assert found.iloc[:, 2:-1].sum(axis=1).to_numpy() == pytest.approx(found["Regression"].to_numpy(), rel=ROUNDING)


def test_of_several_series_each_has_its_own(tmp_path: Path):
    both = pd.concat([TABLE.assign(unique_id="a"), TABLE.assign(unique_id="b", y=2 * TABLE["y"], sky="sun")])
    model = Forecaster(HORIZON, model="regression", season=7).fit(both, covariates=COVARIATES)
    found = model.credits()
    assert found["sky"].isna().tolist() == [False] * HORIZON + [True] * HORIZON
    model.save(tmp_path / "model")
    assert Forecaster.load(tmp_path / "model").credits(both).equals(found)


def test_a_sum_that_fails_is_not_shown(fitted: Forecaster, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "owners_of", lambda layout, history: owners_of(layout, history) + 1)
    with pytest.raises(ExplanationError, match="does not add up"):
        fitted.credits()


def test_nor_is_one_that_fails_where_bounds_moved_the_forecast(monkeypatch: pytest.MonkeyPatch):
    fitted = Forecaster(HORIZON, model="regression", season=7, maximum=190).fit(TABLE, covariates=COVARIATES)
    monkeypatch.setattr(module, "owners_of", lambda layout, history: owners_of(layout, history) + 1)
    with pytest.raises(ExplanationError, match="does not add up"):
        fitted.credits()


def test_another_model_has_none():
    with pytest.raises(InputError, match="the model is Naive, whose forecast is no sum"):
        Forecaster(3, model="naive", season=1).fit(TABLE[["ds", "y"]][:N]).credits()
    model = Forecaster(HORIZON, model="regression", season=7).fit(TABLE, covariates=COVARIATES)
    with pytest.raises(InputError, match="is too short for the regression, which needs 20 observations"):
        model.credits(TABLE[N - 9 :])


def test_the_page_has_them_as_sums_too(fitted: Forecaster):
    inside = look_inside(fitted.subject(step=2))
    assert inside.holds
    found, units = fitted.credits(), dict(inside.subject.about)["Makes 2024-07-30"]
    assert f"warm {found['warm'][1]:+.4g}" in units
    lines = [output.credit.lines for output in inside.outputs if isinstance(output.credit, Sum)]
    assert len(lines) == HORIZON
    on_scale = [each["'warm'"] for each in lines]
    assert np.corrcoef(on_scale, WARM[N:])[0, 1] > 0.97
    values = [output.prediction.value for output in inside.outputs]
    forecast = fitted.predict()["Regression"].to_numpy()
    gaps = np.abs(np.array(values) - forecast)  # since it is not looked at upside down too
    told = dict(inside.subject.about)["Away from the mean with what is left upside down"]
    assert told == f"{100 * (gaps / np.abs(forecast)).max():.2g} % at most"
    assert gaps.max() < 0.02 * np.abs(forecast).max()


def test_the_command_opens_it(fitted: Forecaster, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    fitted.save(tmp_path / "model")
    table = TABLE.assign(y=TABLE["y"] + (0.0 if fitted.predict()["Regression"].min() > 0 else -300.0))
    table.to_csv(tmp_path / "all.csv", index=False)
    table[:N].to_csv(tmp_path / "past.csv", index=False)
    assert follow(["inspect", str(tmp_path / "model"), str(tmp_path / "all.csv")]) == 0
    said = capsys.readouterr().out
    assert "'warm'" in said
    assert "sums were checked and hold" in said
    assert follow(["inspect", str(tmp_path / "model"), str(tmp_path / "past.csv")]) == 1
    said = capsys.readouterr().err
    assert "'warm' is not known for 7 of 7 steps" in said
    assert "rows of the data whose target is empty" in said
    assert "--future" not in said
