"""How well sequences are labelled: the scores of each class, and which label is taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...errors import InputError
from ...tables.sequences import Whole
from .targets import Array


class ClassScore(NamedTuple):
    """The scores of one class.

    Attributes:
        label: The label.
        precision: The share of the sequences given this label that have it, 0 to 1; None where none was given it.
        recall: The share of the sequences with this label that were given it; None where none has it.
        f1: The harmonic mean of both, 2 x correct / (predicted + actual); None where that is 0 / 0.
        sequences: How many have this label.
    """

    label: Any
    precision: float | None
    recall: float | None
    f1: float | None
    sequences: int


@dataclass(frozen=True)
class Evaluation:
    """Predicted labels beside the actual ones of N sequences, with C classes.

    Attributes:
        accuracy: The share of sequences whose label was predicted, 0 to 1.
        correct: How many these are.
        total: N.
        classes: A `ClassScore` for each class, in the order of ``classes_``.
        confusion: Counts (C, C), int64; rows are actual labels and columns predicted ones, in the same order.
        predicted: The predicted labels (N,).
    """

    accuracy: float
    correct: int
    total: int
    classes: tuple[ClassScore, ...]
    confusion: Whole
    predicted: Array

    def __str__(self) -> str:
        return f"accuracy {self.accuracy:.2%} ({self.correct} of {self.total})"


def evaluation(classes: Sequence[Any], actual: Sequence[Any], predicted: Array) -> Evaluation:
    """Compare labels. Raises InputError for an actual label that is none of the classes."""
    columns = {label: column for column, label in enumerate(classes)}
    for row, label in enumerate(actual):
        if label not in columns:
            raise InputError(
                f"the model has not learned the label {label!r} of sequence {row}",
                hint=f"it knows {', '.join(map(repr, classes[:8]))}",
            )
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, ([columns[label] for label in actual], [columns[label] for label in predicted.tolist()]), 1)
    correct = int(confusion.trace())
    scores = tuple(_score(label, confusion, column) for column, label in enumerate(classes))
    return Evaluation(correct / len(actual), correct, len(actual), scores, confusion, predicted)


def _score(label: Any, confusion: Whole, column: int) -> ClassScore:
    correct = int(confusion[column, column])
    predicted, actual = int(confusion[:, column].sum()), int(confusion[column].sum())
    return ClassScore(
        label,
        precision=correct / predicted if predicted else None,
        recall=correct / actual if actual else None,
        f1=2 * correct / (predicted + actual) if predicted + actual else None,
        sequences=actual,
    )
