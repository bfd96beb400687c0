"""Parts of a table in many processes: the bits of one, whatever the parts; half a series is refused by name."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from harden.seeds import lstm_forecaster

from gatewise.errors import InputError, ModelFileError
from gatewise.forecast import Batch, Forecaster

GENERATOR = np.random.default_rng(0)
MODELS = {
    "naive": lambda: Forecaster(3, model="seasonal_naive", season=7).fit(table(4)),
    "window": lambda: lstm_forecaster("window"),
    "causal": lambda: lstm_forecaster("causal"),
}


def table(series: int, rows: int = 30) -> pd.DataFrame:
    """A long table of days; each series has a few rows more than the one before."""
    parts = [
        pd.DataFrame(
            {
                "unique_id": f"s{number}",
                "ds": pd.date_range("2020-01-01", periods=rows + number % 5),
                "y": np.sin(np.arange(rows + number % 5) * 0.9) + number,
            }
        )
        for number in range(series)
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(rows=frame.groupby("unique_id")["y"].transform("size"))


def parted(frame: pd.DataFrame, count: int) -> list[pd.DataFrame]:
    """Whole series, dealt out at random, their rows in any order."""
    names = frame["unique_id"].unique()
    dealt = dict(zip(names, GENERATOR.integers(0, count, len(names)), strict=True))
    parts = [frame[frame["unique_id"].map(dealt) == part] for part in range(count)]
    return [part.sample(frac=1, random_state=0) for part in parts]


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(["unique_id", "ds"]).reset_index(drop=True)


@pytest.mark.parametrize("kind", MODELS)
def test_parts_have_the_bits_of_the_whole(kind, tmp_path):
    model, frame = MODELS[kind](), table(9)
    model.save(tmp_path / "model")
    batch = Batch(tmp_path / "model", rows="rows")
    whole = ordered(batch(frame))
    for count in (2, 9):
        again = pickle.loads(pickle.dumps(batch))
        pd.testing.assert_frame_equal(ordered(pd.concat(map(again, parted(frame, count)))), whole, check_exact=True)
    torch.set_num_threads(2)
    try:
        pd.testing.assert_frame_equal(ordered(batch(frame)), whole, check_exact=True)
    finally:
        torch.set_num_threads(1)


def test_the_forecast_is_the_forecaster_s(tmp_path):
    model = MODELS["naive"]()
    expected = ordered(model.predict(table(3)[["unique_id", "ds", "y"]]))
    pd.testing.assert_frame_equal(ordered(Batch(model)(table(3))), expected, check_exact=True)


def test_the_model_travels_along_and_every_answer_has_the_same_columns():
    batch = pickle.loads(pickle.dumps(Batch(MODELS["naive"]())))
    answer, nothing = batch(table(2)), batch(table(2).iloc[:0])
    assert list(answer.dtypes.items()) == list(batch.meta.dtypes.items()) == list(nothing.dtypes.items())
    assert len(batch.meta) == len(nothing) == 0
    assert batch.schema.startswith("`unique_id` string, `ds` timestamp, `SeasonalNaive` double, `SeasonalNaive-lo-80`")
    whole = table(2).assign(unique_id=lambda frame: frame["unique_id"].str[1:].astype(int))
    assert batch(whole)["unique_id"].tolist() == ["0"] * 3 + ["1"] * 3


def test_columns_in_the_types_of_pyarrow_are_read_as_in_numpy_s(tmp_path):
    """Ray Data hands such frames out."""
    frame = table(3)
    frame.loc[2, "y"] = np.nan
    Forecaster(3, model="seasonal_naive", season=7).fit(table(4)).save(tmp_path / "model")
    batch = Batch(tmp_path / "model", rows="rows", fill="linear")
    kinds = {"unique_id": "string[pyarrow]", "ds": "timestamp[ns][pyarrow]", "y": "double[pyarrow]"}
    pd.testing.assert_frame_equal(batch(frame.astype({**kinds, "rows": "int64[pyarrow]"})), batch(frame))


def test_counters_for_times():
    frame = pd.DataFrame({"unique_id": "a", "ds": np.arange(20), "y": np.arange(20.0)})
    batch = Batch(Forecaster(2, model="naive", season=1).fit(frame))
    assert batch(frame)["ds"].tolist() == [20, 21]
    assert str(batch.meta["ds"].dtype) == "int64"
    assert "`ds` bigint" in batch.schema


def test_what_cannot_be_parted_is_named(tmp_path):
    batch = Batch(MODELS["naive"](), rows="rows")
    frame = table(3)
    half = frame.drop(index=frame.index[(frame["unique_id"] == "s1")][:4])
    for wrong, words in (
        (half, "series 's1': this part of the table has 27 of its 31 rows"),
        (frame.drop(columns="rows"), "there is no column 'rows'"),
        (frame.drop(columns="ds"), "there is no column 'ds'"),
        (frame.assign(ds=frame["ds"].astype(str)), "not dates or whole numbers"),
        (frame.assign(y=frame["y"].astype(str)), "not numbers"),
        (frame.drop(index=5).assign(rows=lambda left: left.groupby("unique_id")["y"].transform("size")), "s0"),
        (frame.assign(y=frame["y"].where(frame.index != 7)), "the part"),
    ):
        with pytest.raises(InputError, match=words.replace("(", r"\(")):
            batch(wrong)
    with pytest.raises(InputError, match="not fitted"):
        Batch(Forecaster(2))
    with pytest.raises(ModelFileError):
        Batch(tmp_path / "missing")


@pytest.mark.slow
def test_dask_in_two_processes(tmp_path):
    dask = pytest.importorskip("dask.dataframe")
    model, frame = lstm_forecaster("window"), table(8)
    model.save(tmp_path / "model")
    batch = Batch(Path(tmp_path / "model"), rows="rows")
    parts = dask.concat([dask.from_pandas(part, npartitions=1) for part in parted(frame, 4)])
    found = parts.map_partitions(batch, meta=batch.meta).compute(scheduler="processes", num_workers=2)
    found["unique_id"] = found["unique_id"].astype(object)
    pd.testing.assert_frame_equal(ordered(found), ordered(batch(frame)), check_exact=True)
    halves = dask.from_pandas(frame, npartitions=5)
    with pytest.raises(InputError, match="of its"):
        halves.map_partitions(batch, meta=batch.meta).compute(scheduler="processes", num_workers=2)


def test_columns_are_called_as_in_the_table_that_was_learned_from() -> None:
    named = table(3).rename(columns={"ds": "day", "y": "sold", "unique_id": "shop"})
    batch = Batch(Forecaster(3, model="seasonal_naive", season=7).fit(named.drop(columns="rows")), id="shop")
    assert (batch.time, batch.target) == ("day", "sold")
    pd.testing.assert_frame_equal(batch(named), Batch(MODELS["naive"]())(table(3)))
