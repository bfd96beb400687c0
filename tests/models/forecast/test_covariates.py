"""The door: covariates are named to `fit`, their future to `predict`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.tolerance import BATCH_SIZE_FORECAST

from gatewise.cli import follow
from gatewise.errors import InputError, ModelFileError
from gatewise.forecast import Batch, Forecaster
from gatewise.inspect import look_inside
from gatewise.inspect.explain import Sum
from gatewise.models.forecast.foreign import OURS
from gatewise.tables.panels import panel_from_frame

N, HORIZON = 200, 7
DAYS = pd.date_range("2024-01-01", periods=N + HORIZON)
RNG = np.random.default_rng(0)
WARM = RNG.normal(size=N + HORIZON)
TABLE = pd.DataFrame(
    {"ds": DAYS, "y": 100 + 5 * np.sin(np.arange(N + HORIZON) * 2 * np.pi / 7) + 8 * WARM, "warm": WARM}
)
WORDS = ["--horizon", str(HORIZON), "--model", "regression", "--backtest", "0"]
PAST, FUTURE = TABLE[:N], TABLE[N:][["ds", "warm"]]


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    return Forecaster(HORIZON, model="regression", season=7).fit(PAST, covariates=["warm"])


def off(forecast: pd.DataFrame) -> float:
    return float(np.abs(forecast["Regression"].to_numpy() - TABLE["y"][N:].to_numpy()).mean())


def test_a_future_makes_the_forecast(fitted: Forecaster):
    assert off(fitted.predict(future=FUTURE)) < 2
    other = fitted.predict(future=FUTURE.assign(warm=FUTURE["warm"] + 1))
    assert (other["Regression"] - fitted.predict(future=FUTURE)["Regression"]).mean() == pytest.approx(8, abs=1)
    assert fitted.forecast(future=FUTURE).to_pandas().equals(fitted.predict(future=FUTURE))


def test_rows_without_a_target_are_the_future_too(fitted: Forecaster):
    rows = TABLE.assign(y=TABLE["y"].where(TABLE.index < N))
    direct = Forecaster(HORIZON, model="regression", season=7).fit(rows, covariates="warm")
    assert direct.predict().equals(fitted.predict(future=FUTURE))
    assert fitted.predict(rows).equals(fitted.predict(future=FUTURE))


def test_a_step_that_is_missing_is_named(fitted: Forecaster):
    with pytest.raises(InputError, match="'warm' is not known for 7 of 7 steps, first 2024-07-19") as caught:
        fitted.predict()
    assert "`future`" in caught.value.hint
    with pytest.raises(InputError, match="'warm' is not known for 2 of 7 steps, first 2024-07-24"):
        fitted.predict(future=FUTURE[:5])


@pytest.mark.parametrize(("fill", "value"), [("previous", FUTURE["warm"].iloc[4]), ("zero", 0.0)])
def test_a_step_that_is_missing_is_filled_as_asked(fill: str, value: float):
    model = Forecaster(HORIZON, model="regression", season=7)
    model.fit(PAST, covariates=["warm"], future=FUTURE[:5], future_fill=fill)  # type: ignore[arg-type]
    whole = FUTURE.assign(warm=[*FUTURE["warm"][:5], value, value])
    assert model.predict().equals(model.predict(future=whole))


def test_one_known_only_in_the_past_needs_no_future():
    model = Forecaster(HORIZON, model="regression", season=7).fit(PAST, covariates={"warm": "past"})
    assert len(model.predict()) == HORIZON
    with pytest.raises(InputError, match="no covariates that are known ahead"):
        model.predict(future=FUTURE)


def test_update_goes_on(fitted: Forecaster):
    short = Forecaster(HORIZON, model="regression", season=7).fit(PAST[:-3], covariates=["warm"])
    short.update(PAST[-3:])
    assert short.predict(future=FUTURE).equals(fitted.predict(future=FUTURE))


def test_a_file_knows_its_covariates(fitted: Forecaster, tmp_path: Path):
    fitted.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    assert loaded.schema_.covariates == {"warm": "known"}
    assert loaded.predict(PAST, future=FUTURE).equals(fitted.predict(future=FUTURE))
    with pytest.raises(InputError, match="there is no column 'warm'"):
        loaded.predict(PAST[["ds", "y"]])


def test_a_file_of_a_model_that_takes_none_asks_for_none(tmp_path: Path):
    Forecaster(HORIZON, model="seasonal_naive", season=7).fit(PAST, covariates=["warm"]).save(tmp_path / "model")
    assert len(Forecaster.load(tmp_path / "model").predict(PAST[["ds", "y"]])) == HORIZON


def test_holidays_of_a_country_are_in_the_file(tmp_path: Path):
    model = Forecaster(HORIZON, model="regression", season=7).fit(PAST[["ds", "y"]], holidays="DE-BY")
    model.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    assert loaded.predict(PAST[["ds", "y"]]).equals(model.predict())
    assert loaded.update(PAST[["ds", "y"]]).predict().equals(model.predict())
    with pytest.raises(ModelFileError, match="'holidays', which the data were read without"):
        Forecaster.load(tmp_path / "model").predict(panel_from_frame(PAST[["ds", "y"]]))


@pytest.fixture(scope="module")
def trained() -> Forecaster:
    """A network that has hardly learned anything."""
    table = TABLE.assign(size="small")[:N]
    return Forecaster(HORIZON, model="lstm", season=7, budget=0.2).fit(table, covariates=["warm", "size"])


def test_a_trained_network_takes_them_too(trained: Forecaster, tmp_path: Path):
    forecast = trained.predict(future=FUTURE)
    assert not trained.predict(future=FUTURE.assign(warm=3.0)).equals(forecast)
    with pytest.raises(InputError, match="'warm' is not known for 7 of 7 steps"):
        trained.predict()
    trained.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    assert loaded.predict(PAST, future=FUTURE).equals(forecast)
    assert loaded.update(PAST[:-3]).update(PAST[-3:], future=FUTURE).predict().equals(forecast)
    parts = Batch(tmp_path / "model", id="shop", future=FUTURE)(PAST.assign(shop="a"))
    np.testing.assert_allclose(parts["LSTM"], forecast["LSTM"], rtol=BATCH_SIZE_FORECAST)


def test_inside_a_trained_network_each_has_its_share(trained: Forecaster):
    inside = look_inside(trained.subject(future=FUTURE, step=2))
    assert inside.holds
    for output in inside.outputs:
        assert isinstance(output.credit, Sum)
        assert "'warm'" in output.credit.lines
    with pytest.raises(InputError, match="'warm' is not known"):
        trained.subject()


SHOPS = pd.DataFrame({"shop": ["a", "b", "c"], "area": [1.0, 2.0, 4.0], "town": ["Ulm", "Ulm", "Bonn"]})
SALES = pd.concat(
    [PAST[["ds", "y"]].assign(shop=name, y=PAST["y"] * area) for name, area, _ in SHOPS.itertuples(index=False)]
)


@pytest.fixture(scope="module")
def described() -> Forecaster:
    """A network that is told what never changes of its series."""
    return Forecaster(HORIZON, model="lstm", season=7, budget=0.2).fit(SALES, static=SHOPS)


def test_what_never_changes_is_told_to_a_trained_network(described: Forecaster, tmp_path: Path):
    assert described.schema_.static == ["area", "town"]
    forecast = described.predict()
    other = described.predict(SALES, static=SHOPS.assign(area=SHOPS["area"] * 3))
    assert not np.allclose(other["LSTM"], forecast["LSTM"])
    assert described.predict(SALES).equals(forecast)
    described.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    assert loaded.predict(SALES, static=SHOPS).equals(forecast)
    assert loaded.predict(SALES.merge(SHOPS)).equals(forecast)
    cut = SALES["ds"] < DAYS[N - 3]
    assert loaded.update(SALES[cut], static=SHOPS).update(SALES[~cut]).predict().equals(forecast)
    with pytest.raises(InputError, match="there is no column 'area'"):
        Forecaster.load(tmp_path / "model").predict(SALES)
    parts = Batch(tmp_path / "model", id="shop")(SALES.merge(SHOPS))
    np.testing.assert_allclose(parts["LSTM"], forecast["LSTM"], rtol=BATCH_SIZE_FORECAST)


def test_a_table_that_describes_nothing_is_refused(described: Forecaster, fitted: Forecaster):
    for model, frame in ((described, None), (fitted, PAST)):
        with pytest.raises(InputError, match="`static` describes series that `new` names"):
            model.predict(frame, static=SHOPS, future=FUTURE)


def test_a_saved_one_is_told_on_the_command_line(
    described: Forecaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    described.save("model")
    for name, table in (("sales.csv", SALES), ("shops.csv", SHOPS), ("both.csv", SALES.merge(SHOPS))):
        table.to_csv(name, index=False)
    for words in (["sales.csv", "--static", "shops.csv"], ["both.csv"]):
        assert follow(["forecast", *words, "--load", "model", "--out", "out.csv"]) == 0
        found = pd.read_csv("out.csv")["LSTM"]
        np.testing.assert_allclose(found, described.predict()["LSTM"], rtol=BATCH_SIZE_FORECAST)


@pytest.mark.parametrize("name", sorted(OURS))
def test_who_comes_from_another_library_is_told(name: str):
    for method in (Forecaster(3).fit, Forecaster(3).backtest, Forecaster(3).predict):
        with pytest.raises(InputError, match=f"takes no `{name}`") as caught:
            method(PAST, **{name: FUTURE})
        assert f"`{OURS[name]}`" in caught.value.hint
    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        Forecaster(3).fit(PAST, nonsense=1)


def test_a_category_that_nothing_was_learned_of_is_named():
    table = TABLE.assign(offer=np.where(np.arange(N + HORIZON) % 5 == 0, "half", "none"), warm=None)
    past, plan = table[:N], table[N:][["ds", "offer"]]
    model = Forecaster(HORIZON, model="regression", season=7).fit(past, covariates="offer")
    assert not [note for note in model.forecast(future=plan).notes if "never was before" in note]
    notes = model.forecast(future=plan.assign(offer="Half")).notes
    assert "'offer' is 'Half' ahead and never was before: nothing was learned of that." in notes
    plain = Forecaster(HORIZON, model="naive").fit(past, covariates="offer")
    assert not [note for note in plain.forecast(future=plan.assign(offer="Half")).notes if "never was before" in note]


@pytest.mark.slow
def test_the_contest_says_what_they_are_worth():
    model = Forecaster(HORIZON).fit(PAST, covariates=["warm"])
    assert model.kind_ in ("regression", "direct")
    assert model.backtest_ is not None
    found = model.backtest_.worth
    assert found is not None
    assert found.clear
    assert found.effects[0].rise > 1
    assert "with 'warm'" in model.backtest_.verdict
    document = json.loads(model.forecast(future=FUTURE).to_json())
    assert document["backtest"]["covariates"]["effects"][0]["name"] == "warm"
    assert "What the covariates are worth" in model.forecast(future=FUTURE).to_html()


class TestCommandLine:
    @pytest.fixture(autouse=True)
    def files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        PAST.to_csv("data.csv", index=False)
        FUTURE.to_csv("plan.csv", index=False)

    def test_a_plan_forecasts_and_saves(self, capsys: pytest.CaptureFixture[str], fitted: Forecaster):
        words = [*WORDS, "--season", "7", "--future", "plan.csv"]
        assert follow(["forecast", "data.csv", *words, "--out", "out.csv", "--save", "model"]) == 0
        assert "Covariates: 'warm' known ahead" in capsys.readouterr().out
        assert off(pd.read_csv("out.csv")) < 2
        assert follow(["forecast", "data.csv", "--load", "model", "--future", "plan.csv", "--out", "again.csv"]) == 0
        assert Path("again.csv").read_text() == Path("out.csv").read_text()

    def test_without_a_plan_they_are_known_only_in_the_past(self, capsys: pytest.CaptureFixture[str]):
        words = [*WORDS, "--covariates", "warm"]
        assert follow(["forecast", "data.csv", *words]) == 0
        assert "Covariates: 'warm' known only in the past" in capsys.readouterr().out

    def test_what_is_missing_is_named_with_the_option(self, capsys: pytest.CaptureFixture[str]):
        FUTURE[:5].to_csv("plan.csv", index=False)
        words = [*WORDS, "--future", "plan.csv"]
        assert follow(["forecast", "data.csv", *words]) != 0
        told = " ".join(capsys.readouterr().err.split())
        assert "plan.csv: 'warm' is not known for 2 of 7 steps, first 2024-07-24" in told
        assert "--future-fill previous" in told
        assert follow(["forecast", "data.csv", *words, "--future-fill", "previous"]) == 0
