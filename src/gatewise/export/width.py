"""How wide a chain's input is."""

from __future__ import annotations

from torch import nn

from ..errors import InputError
from ..nn.chain import Chain
from ..nn.maps import Standardize, Unstandardize
from ..nn.recurrent import Recurrent


def width_of(chain: Chain) -> int:
    """I, how many numbers a step reads: the first part that has a width has the input's, since those before it keep it.

    Raises InputError where no part says it.
    """
    for part in chain.parts:
        if isinstance(part, Recurrent):
            return part.input_size
        if isinstance(part, nn.Linear):
            return part.in_features
        if isinstance(part, Standardize | Unstandardize):
            return len(part.mean)
        if isinstance(part, nn.LayerNorm):
            return part.normalized_shape[-1]
    raise InputError("no part of the chain says how many features its input has", hint="add a linear or recurrent part")
