"""What the questions about whole sequences share: sequences in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ... import fields
from ...errors import InputError
from ...models.sequence.network import AT_ONCE
from ..limits import Limits
from ..refusal import LARGE, RefusedError
from ..shapes import Schema, Shape, listed
from .task import example_steps

_STEP: Schema = {"anyOf": [{"type": "array", "items": {"type": "number"}, "minItems": 1}, {"type": "number"}]}
_SEQUENCE = Shape(fields.anything, {"type": "array", "items": _STEP, "minItems": 1})
SEQUENCES = listed(_SEQUENCE, 1).about(
    "Each a list of steps, each step a list of features, or a number where there is one feature"
)


class Reads(Protocol):
    """An estimator of sequences."""

    n_features_in_: int
    hidden_size: int


def sequences_of(model: Reads, asked: Mapping[str, Any], limits: Limits) -> Sequence[NDArray[np.float64]]:
    """Arrays (T, I), finite. Raises InputError that names the sequence, and RefusedError where they are too long."""
    width = model.n_features_in_
    arrays = [_array(steps, f"sequences[{at}]", width) for at, steps in enumerate(asked["sequences"])]
    longest, widest = max(map(len, arrays)), max(width, 2 * model.hidden_size)
    if longest * min(len(arrays), AT_ONCE) * widest > limits.computed:
        what = f"{len(arrays):,} sequences, the longest of {longest:,} steps, take more memory than there is for them"
        raise RefusedError(LARGE, what, hint="send shorter ones, or fewer with the long ones")
    return arrays


def example_of(model: Reads) -> Mapping[str, Any]:
    """A sequence of a few steps."""
    return {"sequences": [example_steps(model.n_features_in_)]}


def _array(steps: Any, where: str, width: int) -> NDArray[np.float64]:
    try:
        array = np.array(steps)
    except (ValueError, OverflowError) as error:
        raise InputError("its steps have different numbers of features", where=where) from error
    if array.ndim == 1 and width == 1:
        array = array[:, None]
    if array.dtype.kind not in "iuf" or array.ndim != 2 or not array.size:
        raise InputError("it is not a list of steps, each a list of numbers", where=where)
    if array.shape[1] != width:
        raise InputError(f"it has {array.shape[1]} features, and the model reads {width}", where=where)
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError("a number is not finite", where=where)
    return values
