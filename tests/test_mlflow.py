"""Forecasters as MLflow loads them; MLflow itself takes part where it is installed."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatewise.errors import InputError, ModelFileError
from gatewise.forecast import Batch, Forecaster
from gatewise.mlflow import save_model


@pytest.fixture
def table() -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=30)
    parts = [{"shop": f"s{at}", "day": days, "sold": at + np.arange(30.0) % 7} for at in range(3)]
    return pd.concat(map(pd.DataFrame, parts), ignore_index=True)


@pytest.fixture
def fitted(table: pd.DataFrame) -> Forecaster:
    return Forecaster(5, model="seasonal_naive").fit(table)


def loaded(folder: Path) -> object:
    """As ``mlflow.pyfunc.load_model`` does it: the module that the folder names gets the folder's data."""
    flavor = json.loads((folder / "MLmodel").read_text())["flavors"]["python_function"]
    return import_module(flavor["loader_module"])._load_pyfunc(str(folder / flavor["data"]))


@pytest.mark.parametrize("source", ["fitted", "file"])
def test_what_is_loaded_forecasts_as_a_batch_does(
    source: str, fitted: Forecaster, table: pd.DataFrame, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "m.safetensors")
    model = fitted if source == "fitted" else tmp_path / "m.safetensors"
    save_model(model, tmp_path / "model", id="shop")
    pd.testing.assert_frame_equal(loaded(tmp_path / "model").predict(table), Batch(fitted, id="shop")(table))


def test_the_signature_names_columns_and_types(fitted: Forecaster, tmp_path: Path) -> None:
    save_model(fitted, tmp_path / "model", id="shop")
    signature = json.loads((tmp_path / "model" / "MLmodel").read_text())["signature"]
    types = [(column["name"], column["type"]) for column in json.loads(signature["inputs"])]
    assert types == [("shop", "string"), ("day", "datetime"), ("sold", "double")]
    assert [column["name"] for column in json.loads(signature["outputs"])] == list(Batch(fitted).meta.columns)


def test_nothing_in_the_folder_can_be_run(fitted: Forecaster, tmp_path: Path) -> None:
    save_model(fitted, tmp_path / "model")
    kinds = {path.suffix for path in (tmp_path / "model").rglob("*") if path.is_file()}
    assert kinds == {"", ".json", ".txt", ".yaml", ".safetensors"}


def test_what_cannot_be_written_or_loaded_is_refused(fitted: Forecaster, table: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="fit"):
        save_model(Forecaster(5), tmp_path / "model")
    assert not (tmp_path / "model").exists()
    save_model(fitted, tmp_path / "model")
    with pytest.raises(InputError, match="there already"):
        save_model(fitted, tmp_path / "model")
    with pytest.raises(InputError, match="takes no params"):
        loaded(tmp_path / "model").predict(table, {"horizon": 3})
    for spoilt in ("{", "[]", '{"id": 1, "time": "a", "target": "b"}'):
        (tmp_path / "model" / "data" / "columns.json").write_text(spoilt)
        with pytest.raises(ModelFileError, match=r"columns\.json"):
            loaded(tmp_path / "model")


@pytest.mark.filterwarnings("ignore")  # of its own classes, as it is imported
def test_mlflow_loads_it(fitted: Forecaster, table: pd.DataFrame, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    save_model(fitted, tmp_path / "model", id="shop")
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    pd.testing.assert_frame_equal(model.predict(table), Batch(fitted, id="shop")(table))
    environment = mlflow.utils.environment._PythonEnv.from_yaml(str(tmp_path / "model" / "python_env.yaml"))
    assert environment.dependencies == ["-r requirements.txt"]
    with pytest.raises(mlflow.exceptions.MlflowException, match="sold"):
        model.predict(table.drop(columns="sold"))
