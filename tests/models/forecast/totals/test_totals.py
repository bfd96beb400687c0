"""Totals: of walks and of noise their interval is known, and it is what people see of it everywhere."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from tests.models.forecast import outcomes
from tests.models.forecast.fakes import panel
from tests.tolerance import ROUNDING

from gatewise.cli import follow
from gatewise.errors import InputError
from gatewise.forecast import Forecaster
from gatewise.models.forecast.bounds import Bounds
from gatewise.models.forecast.document import as_json
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS
from gatewise.models.forecast.model import Setup
from gatewise.models.forecast.report import render
from gatewise.models.forecast.results import Quantiles, quantile_levels
from gatewise.models.forecast.totals.dependence import CARRIES, SHARES, Dependence, standing
from gatewise.models.forecast.totals.totals import Asked, normal_scores, totals
from gatewise.tables.panel import Floats, Panel

HORIZON, LEVELS = 12, quantile_levels((80, 95))
NEAR = 0.04
"""Relative, of an interval out of 10,000 paths, whose dependence was learned from hundreds of windows."""
FROM_FEW = 0.8, 1.8
"""Between which it lies from nine windows that overlap, where what they do not show widens the interval."""
STEPS = np.arange(1, HORIZON + 1)
Z = NormalDist().inv_cdf(0.975)


@dataclass
class Known:
    """A forecast whose intervals are right at every step: about the last value or zero, as wide as ``spread``."""

    spread: Floats
    last: bool
    name: str = "Known"
    needs: int = 2

    def predict(self, panel: Panel) -> Quantiles:
        centre = np.array([values[-1] if self.last else 0.0 for values in panel.values])
        values = centre[:, None, None] + self.spread[:, None] * normal_scores(LEVELS)
        return Quantiles(self.name, LEVELS, values)


def walks(series: int, length: int = 80) -> Panel:
    return panel(*np.random.default_rng(1).normal(size=(series, length)).cumsum(axis=1), season=1)


def noise(series: int, length: int = 80) -> Panel:
    return panel(*np.random.default_rng(2).normal(size=(series, length)), season=1)


WALK, NOISE = Known(np.sqrt(STEPS), last=True), Known(np.ones(HORIZON), last=False)
LAST_OF_NOISE = Known(np.full(HORIZON, np.sqrt(2)), last=True)
RIGHT = {
    "a walk": (walks, WALK, np.sqrt((STEPS**2).sum())),
    "noise": (noise, NOISE, np.sqrt(HORIZON)),
    "noise, forecast from one value": (noise, LAST_OF_NOISE, np.sqrt(HORIZON + HORIZON**2)),
}


def total(model: Known, data: Panel, **fields: object) -> Quantiles:
    setup = replace(Setup(HORIZON, 1, LEVELS), **fields)  # type: ignore[arg-type]
    return totals(model.predict(data), data, Asked(model, CONTESTANTS["pretrained"], setup), None)


@pytest.mark.parametrize(("series", "bounds"), [(60, (1 - NEAR, 1 + NEAR)), (1, FROM_FEW)])
@pytest.mark.parametrize("kind", RIGHT)
def test_the_interval_is_the_one_that_is_right(kind: str, series: int, bounds: tuple[float, float]):
    drawn, model, spread = RIGHT[kind]
    data = drawn(series)
    found = total(model, data)
    low, high = found.interval(95)
    assert bounds[0] < (high - low).mean() / (2 * Z * spread) < bounds[1]
    assert found.median[:, 0] == pytest.approx(model.predict(data).median.sum(axis=1), abs=0.02 * spread)
    assert found.values.shape == (series, 1, len(LEVELS))


def test_it_holds_what_comes():
    data = walks(400, 60 + HORIZON)
    past, future = data.without_last(HORIZON), np.array([values[-HORIZON:].sum() for values in data.values])
    low, high = total(WALK, past).interval(80)
    held = ((low[:, 0] <= future) & (future <= high[:, 0])).mean()
    assert held == pytest.approx(0.8, abs=4 * np.sqrt(0.8 * 0.2 / 400))


def test_a_series_has_the_bits_that_it_has_in_other_company():
    """Where the dependence is the same: here there are no windows, and every one counts alike."""
    data = walks(150, 8)
    found = total(WALK, data)
    assert "no room for windows" in found.notes[0]
    assert np.array_equal(found.values[[120]], total(WALK, data.select([120])).values)
    low, high = found.interval(95)
    assert 2 * Z * np.sqrt(HORIZON) < (high - low)[0, 0] < 2 * Z * np.sqrt((STEPS**2).sum())


def test_paths_keep_within_the_bounds():
    data = walks(3)
    found = total(WALK, data, bounds=Bounds(minimum=-1.0, maximum=2.5, whole=True))
    assert (found.values >= -HORIZON).all()
    assert (found.values <= 2.5 * HORIZON).all()
    assert np.array_equal(found.values, np.rint(found.values))
    shop = panel(np.abs(data.values[0]), season=1)
    assert (total(Known(5 * WALK.spread, last=True), shop).values >= 0).all()


def test_the_spread_of_errors_says_nothing_of_how_they_hang_together():
    errors = np.random.default_rng(0).normal(size=(9, HORIZON)).cumsum(axis=1) / np.sqrt(STEPS)
    one, other = Dependence.of(errors, 4.0), Dependence.of(2 * errors, 4.0)
    assert one.weights == pytest.approx(other.weights)
    assert one.weights.shape == (len(CARRIES), len(SHARES))
    assert one.weights.sum() == pytest.approx(1, rel=ROUNDING)
    carried = (one.weights.sum(axis=1) * CARRIES).sum()
    assert carried > 0.8


def test_the_likelihood_is_the_one_of_the_matrix():
    """Against the normal density with its matrix of correlations written out."""
    errors = np.random.default_rng(0).normal(size=(3, 5))
    found = np.log(Dependence.of(errors, 1.0).weights)
    written = np.array([[_likelihood(errors, carry, share) for share in SHARES] for carry in CARRIES])
    away = found - written
    assert away == pytest.approx(np.full_like(away, away[0, 0]), rel=ROUNDING)


def _likelihood(errors: Floats, carry: float, share: float) -> float:
    steps = errors.shape[1]
    grown = np.array(
        [[carry ** (row - column) if row >= column else 0.0 for column in range(steps)] for row in range(steps)]
    )
    own = grown @ grown.T
    scale = np.sqrt(np.diag(own))
    matrix = (1 - share) * own / np.outer(scale, scale) + share
    inverse, size = np.linalg.inv(matrix), np.linalg.slogdet(matrix)[1]
    variance = np.mean([error @ inverse @ error for error in errors]) / steps
    return -0.5 * len(errors) * (size + steps * np.log(variance))


@pytest.mark.parametrize(
    ("actual", "quantiles", "score"),
    [
        (0.0, [-2.0, -1.0, 0.0, 1.0, 2.0], 0.0),
        (0.5, [-2.0, -1.0, 0.0, 1.0, 2.0], 0.5 * NormalDist().inv_cdf(0.9)),
        (9.0, [-2.0, -1.0, 0.0, 1.0, 2.0], 5.0),
        (-9.0, [-2.0, -1.0, 0.0, 1.0, 2.0], -5.0),
        (3.0, [0.0, 0.0, 0.0, 0.0, 0.0], 5.0),
        (0.0, [0.0, 0.0, 0.0, 0.0, 1.0], NormalDist().inv_cdf(0.9)),
    ],
)
def test_where_an_observation_stands(actual: float, quantiles: list[float], score: float):
    found = standing(np.array([[actual]]), np.array([[quantiles]]), normal_scores(LEVELS))
    assert found.item() == pytest.approx(score)


TABLE = pd.DataFrame(
    {
        "unique_id": np.repeat(["a", "b"], 60),
        "ds": np.tile(pd.date_range("2020-01-01", periods=60), 2),
        "y": np.concatenate([100 + values for values in walks(2, 60).values]),
    }
)


class TestForecaster:
    @pytest.fixture(scope="class", params=[0, 3], ids=["without a backtest", "with one"])
    @classmethod
    def fitted(cls, request: pytest.FixtureRequest) -> Forecaster:
        return Forecaster(7, model="naive", season=1).fit(TABLE, windows=request.param)

    def test_a_row_for_each_series(self, fitted: Forecaster):
        steps, found = fitted.predict(), fitted.predict(total=True)
        assert list(found) == ["unique_id", "from", "to", *steps.columns[2:]]
        assert found["unique_id"].tolist() == ["a", "b"]
        assert found["from"].tolist() == [pd.Timestamp("2020-03-01")] * 2
        assert found["to"].tolist() == [pd.Timestamp("2020-03-07")] * 2
        summed = steps.groupby("unique_id").sum(numeric_only=True)
        assert found["Naive"].to_numpy() == pytest.approx(summed["Naive"].to_numpy(), rel=0.01)
        assert (found["Naive-lo-95"].to_numpy() > summed["Naive-lo-95"].to_numpy()).all()
        forecast = fitted.forecast(total=True)
        assert forecast.totals_to_pandas().equals(found)
        assert "windows did" in forecast.notes[-1]
        written = pd.read_csv(io.StringIO(forecast.totals_to_csv()), parse_dates=["from", "to"])
        pd.testing.assert_frame_equal(written, found, check_dtype=False)

    def test_what_was_not_asked_for_is_not_there(self, fitted: Forecaster):
        forecast = fitted.forecast()
        assert json.loads(forecast.to_json())["totals"] is None
        for made in (forecast.totals_to_pandas, forecast.totals_to_csv):
            with pytest.raises(InputError, match="made without totals"):
                made()

    def test_a_median_alone_has_no_total(self):
        model = Forecaster(3, model="naive", season=1, levels=()).fit(TABLE)
        with pytest.raises(InputError, match="a total has its interval from those of the steps"):
            model.predict(total=True)

    def test_a_loaded_model_looks_at_the_past_that_it_is_given(self, fitted: Forecaster, tmp_path: Path):
        fitted.save(tmp_path / "model")
        loaded = Forecaster.load(tmp_path / "model")
        assert loaded.predict(TABLE, total=True).equals(fitted.predict(TABLE, total=True))

    def test_a_model_that_takes_covariates(self):
        table = TABLE.assign(warm=np.sin(np.arange(120)), unique_id="a", ds=pd.date_range("2020-01-01", periods=120))
        plan = pd.DataFrame({"ds": pd.date_range("2020-04-30", periods=3), "warm": 0.5})
        model = Forecaster(3, model="regression", season=1).fit(table, covariates=["warm"])
        assert len(model.predict(future=plan, total=True)) == 1


def test_it_is_in_the_document_and_on_the_page():
    told = outcomes.outcome(outcomes.panel(("a", "<b>")))
    made = outcomes.quantiles("LSTM", np.array([[6000.0], [7000.0]]))
    document = json.loads(as_json(replace(told, totals=made)))
    assert list(document["totals"][0]) == ["unique_id", "from", "to", "forecast", "lo-80", "hi-80", "lo-95", "hi-95"]
    assert document["totals"][1] == {
        **{"unique_id": "<b>", "from": "1961-01-01", "to": "1961-12-01", "forecast": 7000.0},
        **{"lo-80": 6980.0, "hi-80": 7020.0, "lo-95": 6970.0, "hi-95": 7030.0},
    }
    page = render(replace(told, totals=made))
    assert "What it adds up to" in page
    assert "6,980 to 7,020" in page
    assert "What it adds up to" not in render(told)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    TABLE.to_csv(tmp_path / "walks.csv", index=False)
    words = ["forecast", str(tmp_path / "walks.csv"), "--horizon", "7", "--model", "naive", "--season", "1", "--total"]
    assert follow(words) == 0
    said = capsys.readouterr().out
    assert "Total of the next 7 days" in said
    assert "Naive, total" in said
    assert follow([*words, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["totals"]) == 2
    assert follow([*words[:-1], "--totals", str(tmp_path / "totals.csv")]) == 0
    assert "Naive, total" in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "totals.csv")["unique_id"].tolist() == ["a", "b"]
