"""The door: scikit-learn's manners, the model chosen forecasts, files hold models and no data."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.models.forecast.fakes import Oracle, climbing, network, panel
from tests.tolerance import ROUNDING

from gatewise.errors import InputError, ModelFileError
from gatewise.models.forecast.estimator import Forecaster
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS
from gatewise.models.forecast.model import Setup
from gatewise.models.modelfile import FORECASTER_FILE
from gatewise.tables.panel import Frequency, Panel

WORDS = [word for word, contestant in CONTESTANTS.items() if not contestant.learns]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that takes no time, and no costly baselines unless asked for by name."""
    monkeypatch.setitem(CONTESTANTS, "lstm", network())


def lose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONTESTANTS, "lstm", network(bias=-50))


def monthly(*values: Any, **fields: Any) -> Panel:
    """Series that end in the same month."""
    plain = panel(*values, season=fields.pop("season", 4))
    end = np.datetime64("2024-12")
    times = tuple((end - np.arange(len(one))[::-1]).astype("datetime64[ns]") for one in plain.values)
    return replace(plain, times=times, frequency=Frequency("MS"), **fields)


AIR = monthly(climbing(48), climbing(40) + 7, season=4)


class TestParameters:
    def test_get_and_set(self):
        forecaster = Forecaster(6, levels=(90,), budget="2m")
        assert forecaster.get_params() == {
            "horizon": 6,
            "model": "auto",
            "levels": (90,),
            "season": None,
            "seed": 0,
            "budget": "2m",
            "tune": None,
            "normalisation": "window",
            "minimum": None,
            "maximum": None,
            "whole": False,
            "progress": None,
        }
        assert forecaster.set_params(horizon=3, seed=4) is forecaster
        assert (forecaster.horizon, forecaster.seed) == (3, 4)
        assert repr(forecaster) == "Forecaster(horizon=3, levels=(90,), seed=4, budget='2m')"

    def test_unknown_parameter(self):
        with pytest.raises(InputError, match="no parameter 'steps'"):
            Forecaster(6).set_params(steps=3)

    def test_sklearn_clones_it(self):
        base = pytest.importorskip("sklearn.base", reason="scikit-learn is not installed")
        forecaster = Forecaster(6, levels=(90,), seed=3).fit(AIR)
        clone = base.clone(forecaster)
        assert clone.get_params() == forecaster.get_params()
        assert not hasattr(clone, "model_")

    def test_what_is_set_is_checked_when_used(self):
        with pytest.raises(InputError, match="`horizon` is 0"):
            Forecaster(6).set_params(horizon=0).fit(AIR)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"horizon": 0}, "`horizon` is 0"),
        ({"horizon": -3}, "`horizon` is -3"),
        ({"horizon": 12.0}, "`horizon` is 12.0"),
        ({"horizon": 10**9}, "`horizon` is 1000000000\nhint: give a whole number, 1 to 100,000"),
        ({"horizon": "12"}, "`horizon` is '12'"),
        ({"horizon": True}, "`horizon` is True"),
        ({"levels": (80, 100)}, "`levels` holds 100"),
        ({"levels": (0,)}, "`levels` holds 0"),
        ({"levels": (0.8,)}, "`levels` holds 0.8"),
        ({"levels": "80"}, "`levels` is '80'"),
        ({"levels": None}, "`levels` is None"),
        ({"season": 0}, "`season` is 0"),
        ({"season": 12.5}, "`season` is 12.5"),
        ({"seed": 2**40}, "`seed` is 1099511627776"),
        ({"seed": -1}, "`seed` is -1"),
        ({"seed": None}, "`seed` is None"),
        ({"budget": 0}, "`budget` is 0"),
        ({"budget": -1.5}, "`budget` is -1.5"),
        ({"budget": float("nan")}, "`budget` is nan"),
        ({"budget": float("inf")}, "`budget` is inf"),
        ({"budget": "0s"}, "`budget` is '0s'"),
        ({"budget": "soon"}, "`budget` is 'soon'"),
        ({"budget": "3 weeks"}, "`budget` is '3 weeks'"),
        ({"budget": True}, "`budget` is True"),
        (
            {"model": "arima"},
            "`model` is 'arima'\nhint: choose one of auto, naive, seasonal_naive, drift, croston_sba",
        ),
        ({"model": "theta"}, "pool, tuned, lstm; did you mean 'auto_theta'?"),
        ({"tune": -1, "model": "naive"}, "`tune` is -1"),
        ({"model": None}, "`model` is None"),
        ({"normalisation": "none"}, "`normalisation` is 'none'\nhint: choose one of window, causal"),
    ],
)
def test_unusable_arguments_are_refused_at_once(arguments: dict[str, Any], words: str):
    with pytest.raises(InputError) as caught:
        Forecaster(**{"horizon": 6, **arguments})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("budget", "seconds"),
    [(60, 60), (0.5, 0.5), ("60", 60), ("60s", 60), ("1.5m", 90), ("2 min", 120), ("1h", 3600), (None, None)],
)
def test_budgets(budget: float | str | None, seconds: float | None):
    assert Forecaster(6, model="naive", budget=budget).fit(AIR).setup_.budget == seconds


@pytest.mark.parametrize("written", ["AutoETS", "auto_ets", "auto-ets", " AUTO_ETS "])
def test_models_are_chosen_in_any_spelling(written: str):
    assert Forecaster(4, model=written).fit(AIR).kind_ == "auto_ets"


@pytest.mark.parametrize("levels", [(95, 80), (80, 95, 80), [80, 95], np.array([80, 95])])
def test_levels_in_any_order(levels: Any):
    columns = Forecaster(2, model="naive", levels=levels).fit(AIR).predict().columns
    assert columns[2:].tolist() == ["Naive", "Naive-lo-80", "Naive-hi-80", "Naive-lo-95", "Naive-hi-95"]


class TestFit:
    def test_the_network_wins_and_forecasts(self):
        forecaster = Forecaster(4).fit(AIR)
        assert forecaster.kind_ == "lstm"
        assert forecaster.backtest_ is not None
        assert forecaster.backtest_.judgement.chosen == "LSTM"
        assert forecaster.model_.learned == [48, 40]  # type: ignore[attr-defined]
        assert forecaster.panel_ is AIR

    def test_a_baseline_wins_and_forecasts(self, monkeypatch: pytest.MonkeyPatch):
        lose(monkeypatch)
        forecaster = Forecaster(4).fit(AIR)
        assert forecaster.backtest_ is not None
        assert forecaster.backtest_.judgement.chosen == forecaster.model_.name != "LSTM"
        assert f"the forecast is {forecaster.model_.name}'s." in forecaster.backtest_.verdict
        assert forecaster.model_.name in forecaster.predict()

    def test_a_model_named_is_taken_without_a_backtest(self, monkeypatch: pytest.MonkeyPatch):
        lose(monkeypatch)
        forecaster = Forecaster(4, model="lstm").fit(AIR)
        assert forecaster.model_.name == "LSTM"
        assert forecaster.backtest_ is None

    def test_a_model_named_is_tested_inside_the_budget_where_windows_are_asked_for(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        told: list[Setup] = []

        def make(setup: Setup) -> Oracle:
            told.append(setup)
            return Oracle(setup, bias=-50)

        monkeypatch.setitem(CONTESTANTS, "lstm", replace(network(), make=make))
        forecaster = Forecaster(4, model="lstm", budget="10s").fit(AIR, windows=2, step=4)
        assert [setup.budget for setup in told] == [5.0, 5.0], "half for the backtest, half for the forecast"
        assert (forecaster.kind_, forecaster.model_.name) == ("lstm", "LSTM")
        assert forecaster.backtest_ is not None
        assert len(forecaster.backtest_.windows) == 2
        assert "; the forecast is the LSTM's, as asked." in forecaster.backtest_.verdict
        untested = Forecaster(4, model="naive").fit(monthly([1.0, 2.0, 3.0]), windows=2)
        assert untested.backtest_ is None
        assert untested.notes_[-1].endswith(": the forecast is untested.")

    def test_without_a_backtest_the_pretrained_network_forecasts(self):
        forecaster = Forecaster(4).fit(AIR, windows=0)
        assert (forecaster.kind_, forecaster.backtest_) == ("pretrained", None)
        assert "Pretrained" in forecaster.predict()

    def test_windows(self):
        backtest = Forecaster(4).fit(AIR, windows=2, step=2).backtest_
        assert backtest is not None
        assert [window.steps_back for window in backtest.windows] == [8, 6, 4]
        assert Forecaster(4).backtest(AIR, 2, step=2).step == 2
        with pytest.raises(InputError, match="`step` is 5"):
            Forecaster(4).fit(AIR, step=5)

    def test_too_short_for_a_network(self):
        forecaster = Forecaster(4).fit(monthly(climbing(15)))
        assert forecaster.kind_ != "lstm"
        assert forecaster.backtest_ is not None
        assert any(note.startswith("The series are too short for the LSTM") for note in forecaster.notes_)
        assert any(note.startswith("The series are too short for the LSTM") for note in forecaster.notes_)

    def test_too_short_for_any_comparison(self):
        forecaster = Forecaster(4).fit(monthly([1.0, 2.0, 3.0, 9.0, 5.0]))
        assert forecaster.kind_ == "pretrained"
        assert forecaster.backtest_ is None
        assert forecaster.notes_[-1].endswith("so the forecast is Pretrained's, untested.")
        assert forecaster.predict()["Pretrained"].notna().all()

    def test_a_horizon_beyond_the_calendar_is_refused_before_anything_is_trained(self):
        with pytest.raises(InputError, match="5,000 steps of MS end beyond the year 2262"):
            Forecaster(5000).fit(AIR)

    def test_notes_begin_with_those_of_the_data(self):
        forecaster = Forecaster(4).fit(replace(AIR, notes=("Two gaps were filled.",)))
        assert forecaster.notes_[0] == "Two gaps were filled."
        assert len(forecaster.notes_) > 1

    def test_the_season_given_overrides_the_one_found(self):
        forecaster = Forecaster(4, model="seasonal_naive", season=2).fit(AIR)
        assert forecaster.schema_.season == 2
        assert forecaster.predict()["SeasonalNaive"][:4].tolist() == [
            *AIR.values[0][-2:],
            *AIR.values[0][-2:],
        ]

    def test_models_are_told_what_was_asked(self, monkeypatch: pytest.MonkeyPatch):
        told: list[Setup] = []

        def make(setup: Setup) -> Oracle:
            told.append(setup)
            return Oracle(setup)

        monkeypatch.setitem(CONTESTANTS, "lstm", replace(network(), make=make))
        Forecaster(4, budget="10s", seed=3, levels=(90,)).fit(AIR)
        Forecaster(4, budget="10s", model="lstm").fit(AIR)
        assert [setup.budget for setup in told] == [5.0, 5.0, 10.0], "half for the backtest, half for the forecast"
        assert [setup.seed for setup in told] == [3, 3, 0]
        assert told[0].levels == (0.025, 0.05, 0.1, 0.5, 0.9, 0.95, 0.975), "what all are scored by is among them"
        assert told[1].levels == (0.05, 0.5, 0.95)
        assert {(setup.horizon, setup.season) for setup in told} == {(4, 4)}

    def test_progress_never_goes_back_and_ends_at_one(self):
        heard: list[float] = []
        Forecaster(4, progress=lambda done, words: heard.append(done)).fit(AIR)
        assert heard == sorted(heard)
        assert heard[-1] == 1.0

    @pytest.mark.parametrize("frame", [None, [1, 2, 3], "data.csv"])
    def test_what_is_no_table_is_refused(self, frame: Any):
        with pytest.raises(InputError):
            Forecaster(4).fit(frame)


class TestPredict:
    def test_the_table(self):
        table = Forecaster(4).fit(AIR).predict()
        assert table.columns.tolist() == ["unique_id", "ds", "LSTM"] + [
            f"LSTM-{side}-{level}" for level in (80, 95) for side in ("lo", "hi")
        ]
        assert table["unique_id"].tolist() == ["a"] * 4 + ["b"] * 4
        assert table["ds"][:4].tolist() == list(pd.date_range("2025-01-01", periods=4, freq="MS"))
        assert table["LSTM"][:4].to_numpy() == pytest.approx(climbing(52)[-4:], rel=ROUNDING)
        assert (table["LSTM-lo-95"] < table["LSTM-lo-80"]).all()
        assert (table["LSTM-hi-80"] < table["LSTM-hi-95"]).all()

    def test_counters_go_on_counting(self):
        table = Forecaster(3, model="naive").fit(panel(climbing(20))).predict()
        assert table["ds"].tolist() == [20, 21, 22]

    def test_new_history_is_forecast_without_learning_again(self):
        forecaster = Forecaster(4, model="lstm").fit(AIR)
        model = forecaster.model_
        fresh = monthly(climbing(52), climbing(30), climbing(20))
        table = forecaster.predict(fresh)
        assert forecaster.model_ is model
        assert forecaster.panel_ is AIR
        assert table["unique_id"].unique().tolist() == ["a", "b", "c"]
        assert table["LSTM"][0] == pytest.approx(climbing(53)[-1], rel=ROUNDING)

    def test_short_series_get_the_plainest_baseline_and_a_note(self):
        forecaster = Forecaster(4).fit(AIR)
        forecast = forecaster.predict_quantiles(monthly(climbing(40), climbing(5), [1.0, 2.0]))
        assert forecast.notes[0] == (
            "2 series are too short for LSTM, which needs 6 observations (b, c): SeasonalNaive stands in."
        )
        assert forecast.median[1].tolist() == climbing(5)[-4:].tolist()
        assert forecast.median[2].tolist() == [2.0] * 4
        only = forecaster.predict_quantiles(monthly(climbing(5)))
        assert only.median[0].tolist() == climbing(5)[-4:].tolist()

    @pytest.mark.parametrize("frame", [5, b"data.csv", [1.0, 2.0]])
    def test_what_is_no_table_is_refused(self, frame: Any):
        with pytest.raises(InputError, match="is not a data frame"):
            Forecaster(4, model="naive").fit(AIR).predict(frame)

    def test_before_fit(self):
        for ask in (Forecaster(4).predict, Forecaster(4).predict_quantiles):
            with pytest.raises(InputError, match="not fitted"):
                ask(AIR)

    def test_parameters_set_after_fit_wait_for_the_next(self):
        forecaster = Forecaster(4, model="naive").fit(AIR).set_params(horizon=9, levels=(50,))
        assert len(forecaster.predict()) == 8
        assert "Naive-lo-80" in forecaster.predict()

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"time": "month"}, "the time column 'ds', the data have 'month'"),
            ({"target": "sales"}, "the target column 'y', the data have 'sales'"),
            ({"frequency": Frequency("W-SUN")}, "the frequency 'MS', the data have 'W-SUN'"),
        ],
    )
    def test_other_columns_or_frequency(self, changed: dict[str, Any], words: str, tmp_path: Path):
        forecaster = Forecaster(4, model="naive").fit(AIR)
        with pytest.raises(InputError, match=words):
            forecaster.predict(replace(AIR, **changed))
        forecaster.save(tmp_path / "model")
        with pytest.raises(ModelFileError, match=words):
            Forecaster.load(tmp_path / "model").predict(replace(AIR, **changed))


class TestForecast:
    def test_it_holds_what_predict_gives_and_what_the_fit_found(self, tmp_path: Path):
        forecaster = Forecaster(4).fit(AIR)
        forecast = forecaster.forecast(title="sales")
        pd.testing.assert_frame_equal(forecast.to_pandas(), forecaster.predict())
        assert forecast.backtest is forecaster.backtest_
        assert str(forecast) == f"sales, 4 steps ahead: {forecast.verdict}"
        assert (forecast.source, set(forecaster.notes_) - set(forecast.notes)) == ("sales", set())
        assert forecast.to_csv(tmp_path / "f.csv") == (tmp_path / "f.csv").read_text()
        assert json.loads(forecast.to_json(tmp_path / "f.json"))["verdict"] == forecast.verdict
        assert (tmp_path / "f.json").read_text() == forecast.to_json()
        page = forecast.to_html(tmp_path / "f.html")
        assert page == (tmp_path / "f.html").read_text()
        assert forecast.verdict in unescape(page)
        assert "Make it again" not in page

    def test_no_backtest_of_other_series_is_passed_off_as_one_of_these(self, tmp_path: Path):
        forecaster = Forecaster(4).fit(replace(AIR, notes=("Two gaps were filled.",)))
        other = forecaster.forecast(monthly(climbing(30)))
        assert other.backtest is None
        assert other.notes == ("The model was fitted before, and not again to these data.",)
        forecaster.save(tmp_path / "model")
        loaded = Forecaster.load(tmp_path / "model").update(AIR).forecast()
        assert loaded.verdict.startswith("Not tested")
        assert loaded.notes == (f"The model comes from {tmp_path / 'model'} and learned nothing from these data.",)


def test_backtest_leaves_the_forecaster_alone(monkeypatch: pytest.MonkeyPatch):
    lose(monkeypatch)
    forecaster = Forecaster(4, model="lstm")
    assert "; the forecast is the LSTM's, as asked." in forecaster.backtest(AIR, 2).verdict
    assert not hasattr(forecaster, "model_")
    with pytest.raises(InputError, match="too short to compare"):
        forecaster.backtest(monthly([1.0, 2.0]))


def table_of(series: Panel) -> pd.DataFrame:
    return pd.concat(
        pd.DataFrame({"unique_id": name, "ds": times, "y": values})
        for name, times, values in zip(series.ids, series.times, series.values, strict=True)
    )


class TestFrames:
    def test_a_table_gives_the_same_as_its_panel(self):
        pytest.importorskip("gatewise.tables.panels")
        table = table_of(AIR)
        first = Forecaster(4, season=4).fit(table)
        second = Forecaster(4).fit(AIR)
        pd.testing.assert_frame_equal(first.predict(), second.predict())
        pd.testing.assert_frame_equal(first.predict(table), second.predict())

    def test_a_loaded_model_takes_a_table(self, tmp_path: Path):
        pytest.importorskip("gatewise.tables.panels")
        forecaster = Forecaster(4, model="lstm", season=4).fit(table_of(AIR))
        forecaster.save(tmp_path / "model")
        loaded = Forecaster.load(tmp_path / "model")
        pd.testing.assert_frame_equal(loaded.predict(table_of(AIR)), forecaster.predict())
        renamed = table_of(AIR).rename(columns={"y": "sales"})
        with pytest.raises(ModelFileError, match="target column 'y', the data have 'sales'"):
            loaded.predict(renamed)


class TestFiles:
    @pytest.mark.parametrize("word", [*WORDS, "lstm"])
    def test_round_trip(self, word: str, tmp_path: Path):
        forecaster = Forecaster(4, model=word, levels=(50, 90), seed=5).fit(AIR)
        forecaster.save(tmp_path / "model")
        loaded = Forecaster.load(tmp_path / "model")
        pd.testing.assert_frame_equal(loaded.predict(AIR), forecaster.predict())
        assert loaded.get_params() == forecaster.get_params() | {"season": 4}
        assert (loaded.kind_, loaded.schema_) == (word, forecaster.schema_)

    def test_the_winner_is_saved(self, tmp_path: Path):
        Forecaster(4).fit(AIR).save(tmp_path / "model")
        assert Forecaster.load(tmp_path / "model").model == "lstm"

    def test_intervals_that_fell_short_are_widened_and_stay_so(self, tmp_path: Path):
        forecaster = Forecaster(4, model="naive").fit(
            panel(*[np.cumsum(climbing(80)) * 1.01**row for row in range(5)]), windows=3
        )
        widening = forecaster.backtest_.widening if forecaster.backtest_ else {}
        assert set(widening) == {80, 95}
        plain = forecaster.model_.predict(forecaster.panel_)  # type: ignore[arg-type]
        wide = forecaster.predict_quantiles()
        assert (wide.median == plain.median).all()
        reach, least = (one.interval(80)[1] - one.median for one in (wide, plain))
        assert reach == pytest.approx(widening[80] * least, rel=ROUNDING)
        forecaster.save(tmp_path / "model")
        loaded = Forecaster.load(tmp_path / "model")
        assert (loaded.predict_quantiles(forecaster.panel_).values == wide.values).all()

    def test_no_data_inside(self, tmp_path: Path):
        secret = replace(AIR, ids=("customer-8731", "customer-8732"))
        Forecaster(4).fit(secret).save(tmp_path / "model")
        assert b"customer" not in (tmp_path / "model").read_bytes()
        with pytest.raises(InputError, match=r"holds no data to forecast from\nhint: give the history"):
            Forecaster.load(tmp_path / "model").predict()

    def test_before_fit(self, tmp_path: Path):
        with pytest.raises(InputError, match="not fitted"):
            Forecaster(4).save(tmp_path / "model")
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda record: record.pop("horizon"),
            lambda record: record.update(horizon=0),
            lambda record: record.update(horizon="4"),
            lambda record: record.update(levels=[101]),
            lambda record: record.update(levels=None),
            lambda record: record.update(kind="unheard_of"),
            lambda record: record.update(kind=["lstm"]),
            lambda record: record.update(settings={}),
            lambda record: record.update(schema={"time": "ds"}),
            lambda record: record.update(schema=[]),
        ],
    )
    def test_a_valid_file_with_nonsense_inside(self, spoil: Callable[[dict[str, Any]], Any], tmp_path: Path):
        Forecaster(4, model="lstm").fit(AIR).save(tmp_path / "model")
        tensors, record = FORECASTER_FILE.read(tmp_path / "model")
        spoil(record)
        FORECASTER_FILE.write(tmp_path / "model", tensors, {name: record[name] for name in list(record)[3:]})
        with pytest.raises(ModelFileError, match="do not describe a model"):
            Forecaster.load(tmp_path / "model")


def test_the_real_network_from_fit_to_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.undo()
    forecaster = Forecaster(4, model="lstm", seed=7, budget=0.05).fit(AIR)
    forecaster.save(tmp_path / "model")
    expected = forecaster.predict_quantiles().values
    assert np.isfinite(expected).all()
    assert (Forecaster.load(tmp_path / "model").predict_quantiles(AIR).values == expected).all()


@pytest.mark.parametrize("ids", [[1, 2], [-1.5, 2.0], ["1", "b"], [2**63, 2**63 + 1]], ids=str)
def test_a_forecast_can_be_joined_with_the_table_it_was_made_of(ids):
    months = pd.date_range("2019-01-01", periods=36, freq="MS")
    rows = pd.concat(pd.DataFrame({"unique_id": name, "ds": months, "y": np.arange(36.0) % 12}) for name in ids)
    forecast = Forecaster(2, model="seasonal_naive").fit(rows).predict()
    joined = forecast.merge(rows[["unique_id"]].drop_duplicates(), on="unique_id")
    assert len(joined) == 4
    assert joined["unique_id"].tolist() == [name for name in ids for _ in range(2)]
