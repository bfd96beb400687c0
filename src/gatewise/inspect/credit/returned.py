"""What a view reads of what a model returns."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...errors import InputError


def first_tensor(output: Any) -> Tensor:
    """The output itself, or the first in it. Raises InputError where that is no tensor."""
    while isinstance(output, tuple | list) and output:
        output = output[0]
    if not isinstance(output, Tensor):
        raise InputError(f"the model returns a {type(output).__name__}", hint="give a readout to a tensor")
    return output
