"""What can be done with the file of an estimator of sequences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ...errors import InputError, argument
from ...inspect.subject import Subject
from ...nn.chain import Chain
from ...tables.labelled import load_labelled
from ...tables.options import DEFAULTS, ReadOptions
from ...tables.sequences import Labelled
from ..estimator_file import named_cell
from ..kind import Question, Supplied
from .classifier import SequenceClassifier
from .estimator import SequenceEstimator
from .regressor import SequenceRegressor
from .subject import most_probable


def load_classifier(path: str | Path, supplied: Supplied) -> SequenceClassifier:
    """The classifier in a file."""
    return SequenceClassifier.load(path, cell=named_cell(path, supplied.cells))


def load_regressor(path: str | Path, supplied: Supplied) -> SequenceRegressor:
    """The regressor in a file."""
    return SequenceRegressor.load(path, cell=named_cell(path, supplied.cells))


def read(path: Path, options: ReadOptions | None, label: str) -> Labelled:
    """Labelled sequences, whatever file they come from."""
    return load_labelled(path, options or DEFAULTS, label=label)


def explain(estimator: SequenceEstimator, data: Labelled, question: Question, source: str) -> Subject:
    """What the estimator says of one sequence."""
    row = _row(data, question)
    subject = estimator.subject(data.sequences, row, output=question.output)
    about = (
        *most_probable(subject),
        ("Sequence", f"{subject.title}, {row} of 0 to {len(data.labels) - 1}"),
        ("Label in the data", data.labels[row]),
    )
    return replace(subject, title=f"{source}: {subject.title}" if source else subject.title, about=about)


def _row(data: Labelled, question: Question) -> int:
    """Raises InputError where no sequence has the id; a number is checked by the estimator."""
    if question.series is None:
        return question.row or 0
    ids = [] if data.sequences.ids is None else [str(name) for name in data.sequences.ids]
    if question.series not in ids:
        known = f"there is {', '.join(ids[:5])}" + (", ..." if len(ids) > 5 else "")
        raise InputError(f"there is no sequence {question.series!r}", hint=known if ids else f"use {argument('row')}")
    return ids.index(question.series)


def chain(estimator: SequenceEstimator) -> Chain:
    """The estimator step by step."""
    return estimator.chain()


def steps(estimator: SequenceEstimator, data: Labelled) -> list[Tensor]:
    """The sequences as tensors."""
    return [torch.from_numpy(sequence) for sequence in data.sequences]
