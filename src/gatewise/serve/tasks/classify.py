"""``POST /classify``: sequences in, labels out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...escape import json_ascii
from .sequences import SEQUENCES, example_of, sequences_of
from .task import Means, Task

if TYPE_CHECKING:
    from ...models.sequence.classifier import SequenceClassifier


def run(model: SequenceClassifier, asked: Mapping[str, Any], means: Means) -> str:
    """Of each sequence the most probable label, and the probabilities of all."""
    probabilities = model.predict_proba(sequences_of(model, asked, means.limits))
    labels = model.classes_[probabilities.argmax(axis=1)]
    told = {"labels": labels.tolist(), "classes": model.classes_.tolist(), "probabilities": probabilities.tolist()}
    return json_ascii(told)


TASK = Task(
    path="/classify",
    summary="Label sequences",
    shapes={"sequences": SEQUENCES},
    required=("sequences",),
    answer={
        "type": "object",
        "properties": {
            "labels": {"type": "array"},
            "classes": {"type": "array"},
            "probabilities": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
        },
    },
    run=run,
    example=example_of,
    form="sequences",
)
