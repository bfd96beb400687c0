"""Covariates of a saved model, where a table comes in parts: from a process, from a request, from a folder."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gatewise.errors import InputError
from gatewise.forecast import Batch, Forecaster, forecast_many
from gatewise.models.forecast.many import buckets, run
from gatewise.models.forecast.many.folder import Folder
from gatewise.models.forecast.many.worker import Worker

N, HORIZON, SHOPS = 120, 7, 4
RNG = np.random.default_rng(0)
DAYS = pd.date_range("2024-01-01", periods=N + HORIZON)
WORDS = ("rain", "sun", "wind")


def shop(number: int) -> pd.DataFrame:
    """A series that a number and a word make, of which the shops have different ones; its future has no target."""
    warm, sky = RNG.normal(size=N + HORIZON), RNG.choice(WORDS[: 2 + number % 2], N + HORIZON)
    sold = 100 + 5 * np.sin(np.arange(N + HORIZON) * 2 * np.pi / 7) + 8 * warm + 20 * (sky == "sun")
    sold[N:] = np.nan
    return pd.DataFrame({"unique_id": f"s{number}", "ds": DAYS, "y": sold, "warm": warm, "sky": sky})


TABLE = pd.concat(map(shop, range(SHOPS)), ignore_index=True)
PAST, FUTURE = TABLE[TABLE["y"].notna()], TABLE[TABLE["y"].isna()].drop(columns="y")


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    return Forecaster(HORIZON, model="regression", season=7).fit(TABLE, covariates=["warm", "sky"])


@pytest.fixture(scope="module")
def expected(fitted: Forecaster) -> pd.DataFrame:
    return fitted.predict()


@pytest.fixture(scope="module")
def file(fitted: Forecaster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "sales.safetensors"
    fitted.save(path)
    return path


@pytest.fixture(scope="module")
def client(file: Path) -> Iterator[Any]:
    testing = pytest.importorskip("starlette.testclient")
    from gatewise.serve import application

    with testing.TestClient(application({"sales": file}), base_url="http://localhost") as asking:
        yield asking


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    columns = ["unique_id", "ds"]
    left, right = (one.sort_values(columns, ignore_index=True) for one in (found, expected))
    pd.testing.assert_frame_equal(left, right, check_exact=True)


class TestBatch:
    def test_rows_without_a_target_are_the_future(self, file: Path, expected: pd.DataFrame):
        batch = pickle.loads(pickle.dumps(Batch(file)))
        same(batch(TABLE), expected)
        same(pd.concat(batch(part) for _, part in TABLE.groupby("unique_id")), expected)
        assert list(batch.meta.columns) == list(expected.columns)

    def test_a_future_travels_along(self, file: Path, expected: pd.DataFrame):
        batch = pickle.loads(pickle.dumps(Batch(file, future=FUTURE)))
        same(pd.concat(batch(part) for _, part in PAST.groupby("unique_id")), expected)

    def test_what_is_missing_is_named_or_filled(self, file: Path):
        with pytest.raises(InputError, match="'warm' is not known for 7 of 7 steps of series 's0'"):
            Batch(file)(PAST)
        assert len(Batch(file, future_fill="previous")(PAST)) == HORIZON * SHOPS

    def test_what_could_be_read_in_two_ways_is_refused(self, file: Path):
        wrong: list[tuple[Any, str]] = [
            (TABLE.drop(columns="sky"), "the part: there is no column 'sky'"),
            (TABLE.assign(sky=TABLE["sky"].where(TABLE.index > 3, "1")), "the column 'sky' holds text of which some"),
        ]
        for frame, words in wrong:
            with pytest.raises(InputError, match=words):
                Batch(file)(frame)
        with pytest.raises(InputError, match="the future: there is no column 'ds'"):
            Batch(file, future=FUTURE.drop(columns="ds"))
        with pytest.raises(InputError, match="no covariates that are known ahead"):
            Batch(Forecaster(3, model="naive").fit(PAST[["unique_id", "ds", "y"]]), future=FUTURE)


class TestServed:
    @staticmethod
    def columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
        plain = frame.assign(ds=frame["ds"].dt.strftime("%Y-%m-%d"))
        return {name: [None if cell != cell else cell for cell in cells.tolist()] for name, cells in plain.items()}

    def test_a_future_is_asked_with_in_either_way(self, client: Any, fitted: Forecaster):
        rows = json.loads(fitted.forecast().to_json())["forecast"]
        future = self.columns(FUTURE)
        for body in (
            {"columns": self.columns(TABLE)},
            {"columns": self.columns(PAST), "future": future},
            {"columns": self.columns(PAST), "future": pd.DataFrame(future).to_dict("records")},
        ):
            answer = client.post("/forecast", json=body)
            assert answer.status_code == 200, answer.text
            assert answer.json()["forecast"] == rows

    def test_what_is_missing_is_named_or_filled(self, client: Any):
        asked = {"columns": self.columns(PAST)}
        answer = client.post("/forecast", json=asked)
        assert answer.status_code == 400
        assert "'warm' is not known for 7 of 7 steps of series 's0'" in answer.text
        assert client.post("/forecast", json={**asked, "future_fill": "zero"}).status_code == 200
        uneven = client.post("/forecast", json={**asked, "future": {"ds": ["2024-05-01"], "warm": []}})
        assert "future" in uneven.text
        assert "of different lengths" in uneven.text

    def test_the_example_is_answered(self, client: Any):
        document = client.get("/openapi.json").json()
        body = document["paths"]["/forecast"]["post"]["requestBody"]["content"]["application/json"]
        example = next(iter(body["examples"].values()))["value"] if "examples" in body else body["example"]
        assert client.post("/forecast", json=example).status_code == 200


class TestMany:
    @pytest.fixture(autouse=True)
    def here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def forecast_buckets(folder: Folder, left: list[int], count: int) -> Iterator[int]:
            for number in left:
                Worker(folder).forecast(number)
                yield number

        monkeypatch.setattr(buckets, "ROWS", 200)
        monkeypatch.setattr(run, "forecast_buckets", forecast_buckets)

    def test_the_source_has_them(self, file: Path, expected: pd.DataFrame, tmp_path: Path):
        TABLE.to_parquet(tmp_path / "sales.parquet", index=False)
        outcome = forecast_many(tmp_path / "sales.parquet", tmp_path / "out", load=file)
        assert len(outcome.parts) > 1
        same(pd.read_parquet(tmp_path / "out"), expected)

    def test_as_text_too(self, file: Path, expected: pd.DataFrame, tmp_path: Path):
        TABLE.to_csv(tmp_path / "sales.csv", index=False)
        forecast_many(tmp_path / "sales.csv", tmp_path / "out", load=file)
        same(pd.read_parquet(tmp_path / "out"), expected)

    def test_series_of_which_they_are_not_known_are_set_aside(self, file: Path, expected: pd.DataFrame, tmp_path: Path):
        short = TABLE.drop(index=TABLE.index[(TABLE["unique_id"] == "s2") & (TABLE["ds"] == DAYS[-1])])
        short.loc[short["unique_id"] == "s3", "warm"] = np.nan
        short.to_parquet(tmp_path / "sales.parquet", index=False)
        outcome = forecast_many(tmp_path / "sales.parquet", tmp_path / "out", load=file)
        left = expected[~expected["unique_id"].isin(["s2", "s3"])]
        same(pd.read_parquet(tmp_path / "out"), left)
        first, second = sorted(outcome.refused)
        assert first.startswith("'warm' is not known for 1 of 7 steps, first 2024-05-06")
        assert second.startswith("nothing is known of 'warm' in the past")

    def test_a_source_without_them_is_refused(self, file: Path, tmp_path: Path):
        TABLE.drop(columns="sky").to_parquet(tmp_path / "sales.parquet", index=False)
        with pytest.raises(InputError, match="no column 'sky'"):
            forecast_many(tmp_path / "sales.parquet", tmp_path / "out", load=file)


@pytest.mark.parametrize(("model", "season"), [("regression", 7), ("direct", 2)])
def test_a_series_has_the_same_bits_in_any_company(model: str, season: int):
    """Words that only others have are none of its own."""
    days = pd.date_range("2024-01-01", periods=192)
    sky = RNG.choice(["sun", "wind"], 192)
    own = pd.DataFrame({"unique_id": "own", "ds": days, "y": RNG.normal(size=192) + (sky == "sun"), "sky": sky})
    own.loc[190:, "y"] = np.nan
    other = own.assign(unique_id="other", sky=[f"a{day % 12}" for day in range(192)])
    alone, among = (
        Forecaster(2, model=model, season=season).fit(frame, covariates="sky").predict()
        for frame in (own, pd.concat([other, own]))
    )
    same(among[among["unique_id"] == "own"], alone.assign(unique_id="own"))
