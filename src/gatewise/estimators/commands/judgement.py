"""How well labels are predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class ClassScore(NamedTuple):
    """Of one label: precision, recall and F1, None where undefined, and how many sequences have it."""

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    sequences: int


class Judgement(NamedTuple):
    """confusion: (C, C) counts, rows actual and columns predicted, in the order of the classes."""

    accuracy: float
    right: int
    total: int
    classes: list[ClassScore]
    confusion: list[list[int]]
    predicted: list[str]


def judged(classes: Sequence[str], actual: Sequence[str], predicted: Sequence[str]) -> Judgement:
    """Of labels that are all among the classes."""
    place = {label: index for index, label in enumerate(classes)}
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, ([place[label] for label in actual], [place[label] for label in predicted]), 1)
    right = int(confusion.trace())
    scores = [_score(label, confusion, index) for index, label in enumerate(classes)]
    return Judgement(right / len(actual), right, len(actual), scores, confusion.tolist(), list(predicted))


def _score(label: str, confusion: np.ndarray, index: int) -> ClassScore:
    hits = int(confusion[index, index])
    said, there = int(confusion[:, index].sum()), int(confusion[index].sum())
    f1 = 2 * hits / (said + there) if said + there else None
    return ClassScore(label, hits / said if said else None, hits / there if there else None, f1, there)
