"""``POST /regress``: sequences in, numbers out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...escape import json_ascii
from .sequences import SEQUENCES, example_of, sequences_of
from .task import Means, Task

if TYPE_CHECKING:
    from ...models.sequence.regressor import SequenceRegressor


def run(model: SequenceRegressor, asked: Mapping[str, Any], means: Means) -> str:
    """What is predicted of each sequence."""
    return json_ascii({"predictions": model.predict(sequences_of(model, asked, means.limits)).tolist()})


TASK = Task(
    path="/regress",
    summary="Predict numbers from sequences",
    shapes={"sequences": SEQUENCES},
    required=("sequences",),
    answer={"type": "object", "properties": {"predictions": {"type": "array"}}},
    run=run,
    example=example_of,
    form="sequences",
)
