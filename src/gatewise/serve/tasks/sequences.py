"""What the questions about whole sequences share: sequences in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..shapes import ANYTHING, listed
from .task import steps_text

SEQUENCES = listed(ANYTHING, 1).about(
    "Each a list of steps, each step a list of features, or a number where there is one feature"
)
EXAMPLE: Mapping[str, Any] = {"sequences": [[[0.1], [0.2], [0.3]]]}


class Reads(Protocol):
    """An estimator of sequences."""

    n_features_in_: int


def sequences_of(model: Reads, asked: Mapping[str, Any]) -> Sequence[NDArray[np.float64]]:
    """Arrays (T, I), finite. Raises InputError that names the sequence."""
    return [_array(steps, f"sequences[{at}]", model.n_features_in_) for at, steps in enumerate(asked["sequences"])]


def text_of(model: Reads) -> str:
    """A sequence of a few steps, a step a line."""
    return steps_text(model.n_features_in_)


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
