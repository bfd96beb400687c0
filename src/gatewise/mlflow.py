"""Saved forecasters as models of MLflow: ``mlflow.pyfunc.load_model`` reads the folder that `save_model` writes.

MLflow imports the module that the folder names, which is this one, and hands it the folder's data: nothing is pickled,
and mlflow need not be installed to write one.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any

from .errors import InputError, ModelFileError
from .files import atomic_write, check_writable, make_folder
from .version import version

if TYPE_CHECKING:
    import pandas as pd

    from .models.forecast.batch import Batch
    from .models.forecast.estimator import Forecaster

_DATA, _MODEL, _COLUMNS = "data", "model.safetensors", "columns.json"
_ENVIRONMENT, _REQUIREMENTS = "python_env.yaml", "requirements.txt"
_NAMES = ("id", "time", "target")
_TYPES = {"O": "string", "M": "datetime", "i": "long", "f": "double"}
"""MLflow's names of the types of columns, by numpy's kinds."""

__all__ = ["save_model"]


def save_model(
    model: str | Path | Forecaster,
    folder: str | Path,
    *,
    id: str = "unique_id",
    time: str | None = None,
    target: str | None = None,
) -> None:
    """Write a forecaster as a model of MLflow, for ``mlflow.pyfunc.load_model``, ``mlflow models serve`` and the like.

    What is loaded forecasts a data frame of whole series and answers with one, as `gatewise.forecast.Batch` does: ids
    are text, times dates or whole numbers, values numbers, which the signature says to those who send JSON.

    Args:
        model: The file of a saved forecaster, or a fitted `Forecaster`.
        folder: A folder that is not there yet.
        id: The column that names the series.
        time: The column of times; by default called as in the table that the model learned from.
        target: The column of values; by default called as in that table.

    Raises:
        InputError: The folder is there already or cannot be written, or the forecaster is not fitted.
        ModelFileError: The file is damaged, or of no forecaster.
    """
    from .models.forecast.batch import Batch

    place = Path(folder)
    if place.exists():
        raise InputError("this is there already", where=str(place), hint="name a folder that is not there yet")
    check_writable(place)
    batch = Batch(model, id=id, time=time, target=target)
    make_folder(place)
    make_folder(place / _DATA)
    if isinstance(model, str | Path):
        shutil.copyfile(model, place / _DATA / _MODEL)
    else:
        model.save(place / _DATA / _MODEL)
    atomic_write(place / _DATA / _COLUMNS, json.dumps({name: getattr(batch, name) for name in _NAMES}))
    atomic_write(place / _REQUIREMENTS, f"gatewise[forecast]=={version()}\n")
    atomic_write(place / _ENVIRONMENT, _yaml({"python": python_version(), "dependencies": [f"-r {_REQUIREMENTS}"]}))
    atomic_write(place / "MLmodel", _yaml(_description(batch)))


def _yaml(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"  # JSON is YAML


def _description(batch: Batch) -> dict[str, Any]:
    """What MLflow reads first: who loads the data, and which columns go in and come out."""
    times = batch.meta.dtypes["ds"].kind
    inputs = [(batch.id, "O"), (batch.time, times), (batch.target, "f")]
    outputs = [(name, kind.kind) for name, kind in batch.meta.dtypes.items()]
    return {
        "flavors": {
            "python_function": {
                "loader_module": __name__,
                "data": _DATA,
                "python_version": python_version(),
                "env": {"virtualenv": _ENVIRONMENT},
            },
            "gatewise": {"version": version(), "model": f"{_DATA}/{_MODEL}"},
        },
        "signature": {"inputs": _columns(inputs), "outputs": _columns(outputs), "params": None},
    }


def _columns(columns: list[tuple[Any, str]]) -> str:
    return json.dumps([{"name": name, "type": _TYPES[kind], "required": True} for name, kind in columns])


class _Loaded:
    """What MLflow calls."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The forecasts of whole series; there are no parameters."""
        if params:
            raise InputError("the model takes no params", hint="the horizon and the levels are the saved model's")
        return self._batch(model_input)


def _load_pyfunc(path: str) -> _Loaded:  # pyright: ignore[reportUnusedFunction]
    """The model whose data lie in this folder; MLflow calls it. Raises ModelFileError."""
    from .models.forecast.batch import Batch

    folder = Path(path)
    try:
        columns = json.loads((folder / _COLUMNS).read_bytes())
        named = {name: columns[name] for name in _NAMES}
        if not all(isinstance(name, str) for name in named.values()):
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError("the columns are not described", where=str(folder / _COLUMNS)) from error
    return _Loaded(Batch(folder / _MODEL, **named))
