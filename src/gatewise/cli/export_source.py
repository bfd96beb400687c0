"""What ``gatewise export`` takes: the chain in a model's file, and inputs like those it will see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..container import claimed
from ..errors import InputError, ModelFileError
from ..models.language.model import LanguageModel
from ..models.sequence.chains import chain_of
from ..models.sequence.classifier import SequenceClassifier
from ..models.sequence.regressor import SequenceRegressor
from ..nn.chain import Chain
from ..tables.labelled import load_labelled
from ..tables.long_table import read_steps
from ..tables.sequences import Columns, Floats
from ..tables.text import read_text

_LONGEST = 10_000
"""Characters of a text that calibrate, its last: each is a step, and more of them say nothing new."""


class Table(NamedTuple):
    """Which columns of a table are no features. id, time: None where none is named."""

    label: str
    id: str | None
    time: str | None


Reader = Callable[[Path, Table], list[Tensor]]


@dataclass(frozen=True)
class Source:
    """chain: what is exported. read: sequences (T, I) out of a file of the kind that such a model reads."""

    chain: Chain
    read: Reader


def source_of(model: Path) -> Source:
    """The model in this file. Raises ModelFileError or InputError for one that cannot go step by step, by name."""
    kinds = claimed(model)
    kind = kinds.get("gatewise-estimator", {}).get("estimator")
    if isinstance(kind, str) and kind in _KINDS:
        return _KINDS[kind](model)
    if "gatewise" in kinds:
        raise ModelFileError(
            "it holds a forecaster, which scales each window by itself and reads it anew",
            where=str(model),
            hint="export a Chain, saved by Chain.save: examples/sensor has one that forecasts step by step",
        )
    return Source(Chain.load(model), _steps)


def _estimator(kind: type[Any], read: Callable[[Any], Reader]) -> Callable[[Path], Source]:
    def source(model: Path) -> Source:
        found = kind.load(model)
        try:
            return Source(chain_of(found), read(found))
        except InputError as error:
            raise InputError(error.what, where=error.where or str(model), hint=error.hint) from error

    return source


def _labelled(_: object) -> Reader:
    def read(data: Path, table: Table) -> list[Tensor]:
        return _tensors(load_labelled(data, Columns(table.label, table.id or "id", table.time)).sequences)

    return read


def _characters(model: LanguageModel) -> Reader:
    def read(data: Path, table: Table) -> list[Tensor]:
        text = read_text(data)[-_LONGEST:]
        try:
            tokens = torch.from_numpy(model.vocabulary_.encode(text))
        except InputError as error:
            raise InputError(error.what, where=f"{data}, {error.where}", hint=error.hint) from error
        return [torch.nn.functional.one_hot(tokens, model.vocabulary_.size).float()]

    return read


def _steps(data: Path, table: Table) -> list[Tensor]:
    return _tensors(read_steps(data, table.id, table.time))


def _tensors(sequences: Iterable[Floats]) -> list[Tensor]:
    return [torch.from_numpy(steps) for steps in sequences]


_KINDS: Mapping[str, Callable[[Path], Source]] = {
    "SequenceClassifier": _estimator(SequenceClassifier, _labelled),
    "SequenceRegressor": _estimator(SequenceRegressor, _labelled),
    "LanguageModel": _estimator(LanguageModel, _characters),
}
