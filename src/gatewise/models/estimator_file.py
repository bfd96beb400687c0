"""Estimators in files: written with what they learned, and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..container import records
from ..equation import Cell, by_name
from ..errors import InputError, ModelFileError
from ..fields import Fields
from ..nn.stored import check_layers, most_of
from .arguments import cell_of
from .estimator import Estimator
from .modelfile import ESTIMATOR_FILE

if TYPE_CHECKING:
    from torch import Tensor

NOT_STORED = ("n_jobs", "verbose")
"""Parameters that say how a machine works, and never come out of a file; files of earlier versions hold them."""


def write_estimator(
    path: str | Path, estimator: Estimator, tensors: Mapping[str, Tensor], fitted: Mapping[str, Any]
) -> None:
    """Write a fitted estimator: its parameters, and what it learned. Raises InputError for what no file can hold."""
    record = {"estimator": type(estimator).__name__, "params": _plain(estimator.get_params()), "fitted": dict(fitted)}
    try:
        ESTIMATOR_FILE.write(path, tensors, record)
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"a parameter cannot be stored ({error})", where=str(path)) from error


def read_estimator(
    path: str | Path, kind: type[Estimator], declared: Callable[[int], Fields], **supplied: Any
) -> tuple[dict[str, Any], Mapping[str, Tensor], Mapping[str, Any]]:
    """Parameters, tensors and what was learned.

    declared: the fields of params and fitted, for sizes up to a number that the tensors give. supplied: parameters that
    a file does not hold, such as a user's cell; None for none. Raises ModelFileError for a file that is damaged,
    foreign, too new, or of another estimator.
    """
    tensors, record = ESTIMATOR_FILE.read(path)
    name = str(record.get("estimator"))[:40]
    if name != kind.__name__:
        raise ModelFileError(f"it holds a {name}, not a {kind.__name__}", where=str(path), hint=f"{name}.load")
    with understood(path):
        contents = ESTIMATOR_FILE.fields(declared(most_of(tensors)), record)
        params, fitted = contents["params"], contents["fitted"]
        check_layers(params.get("num_layers", 1), tensors)
        cell = supplied.get("cell")
        if isinstance(cell, Cell) and cell.name != params["cell"]:
            raise InputError(f"the cell given is {cell.name}, and was {params['cell']}")
        params |= {name: value for name, value in supplied.items() if value is not None}
        return params, tensors, fitted


def named_cell(path: str | Path, cells: Iterable[Cell]) -> Cell | None:
    """That of the cells which the file names, if it is among them. Raises ModelFileError."""
    known = by_name(cells)
    with understood(path):
        return known.get(records(path)[ESTIMATOR_FILE.key]["params"]["cell"])


def understood(path: str | Path) -> AbstractContextManager[None]:
    """Whatever goes wrong in making an estimator of a file becomes a ModelFileError that says so."""
    hint = "a cell or tokenizer of your own is not in the file: give it to load again"
    return ESTIMATOR_FILE.understood(path, "its settings do not describe an estimator", hint)


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON holds them: a cell by its name, and neither a tokenizer nor a generator."""
    kept = {name: value for name, value in params.items() if name not in NOT_STORED}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in kept.items()}
    plain["cell"] = cell_of(plain["cell"]).name_in_files
    plain["options"] = plain["options"] if plain["options"] is None else dict(plain["options"])
    if not isinstance(plain["random_state"], int):
        plain["random_state"] = None
    if "tokenizer" in plain:
        plain["tokenizer"] = None
    return plain
