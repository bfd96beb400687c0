"""The file of an estimator: a container of its own kind, with parameters, weights and no data in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ..container import Container, records
from ..equation import Cell
from ..errors import InputError, ModelFileError
from .parameters import Parameters
from .settings import cell_of

FILE = Container(
    key="gatewise-estimator",
    noun="gatewise estimator",
    format=1,
    error=ModelFileError,
    again="train the estimator again and save it anew",
    source="give a file that an estimator has saved",
)


def store(path: str | Path, estimator: Parameters, tensors: Mapping[str, Tensor], fitted: Mapping[str, Any]) -> None:
    """Write a fitted estimator: its parameters, and what it learned. Raises InputError for what no file can hold."""
    record = {"estimator": type(estimator).__name__, "params": _plain(estimator.get_params()), "fitted": dict(fitted)}
    try:
        FILE.write(path, tensors, record)
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"a parameter cannot be stored ({error})", where=str(path)) from error


def stored(
    path: str | Path, kind: type[Parameters], **given: Any
) -> tuple[dict[str, Any], Mapping[str, Tensor], Mapping[str, Any]]:
    """Parameters, tensors and what was learned. given: parameters that a file does not hold, such as a user's cell.

    Raises ModelFileError for a file that is damaged, foreign, too new, or of another estimator.
    """
    tensors, record = FILE.read(path)
    name = record.get("estimator")
    if name != kind.__name__:
        raise ModelFileError(f"it holds a {name}, not a {kind.__name__}", where=str(path), hint=f"{name}.load")
    with understood(path):
        params, fitted = dict(record["params"]), dict(record["fitted"])
        cell = given.get("cell")
        if isinstance(cell, Cell) and cell.name != params["cell"]:
            raise InputError(f"the cell given is {cell.name}, and was {params['cell']}")
        return {**params, **{key: value for key, value in given.items() if value is not None}}, tensors, fitted


def named_cell(path: str | Path, cells: Iterable[Cell]) -> Cell | None:
    """That of the cells which the file names, if it is among them. Raises ModelFileError."""
    known = {cell.name: cell for cell in cells}
    with understood(path):
        return known.get(records(path)[FILE.key]["params"]["cell"])


def understood(path: str | Path) -> AbstractContextManager[None]:
    """Whatever goes wrong in making an estimator of a file becomes a ModelFileError that says so."""
    hint = "a cell or tokenizer of your own is not in the file: give it to load again"
    return FILE.understood(path, "its settings do not describe an estimator", hint)


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON holds them: a cell by its name, and neither a tokenizer nor a generator."""
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in params.items()}
    plain["cell"] = cell_of(plain["cell"]).name
    plain["options"] = dict(plain["options"] or {})
    if not isinstance(plain["random_state"], int):
        plain["random_state"] = None
    if "tokenizer" in plain:
        plain["tokenizer"] = None
    return plain
