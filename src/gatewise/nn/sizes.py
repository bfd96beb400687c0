"""How many features the parts of a model take and give."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from .maps import Standardize
from .recurrent import Recurrent


class Sizes(NamedTuple):
    """Features of one step, in and out."""

    inputs: int
    outputs: int


def sizes_of(part: nn.Module) -> Sizes | None:
    """Those of a part of a chain; None for one that takes any and keeps how many there are."""
    if isinstance(part, Recurrent):
        return Sizes(part.input_size, part.output_size)
    if isinstance(part, nn.Linear):
        return Sizes(part.in_features, part.out_features)
    if isinstance(part, Standardize):
        return Sizes(len(part.mean), len(part.mean))
    if isinstance(part, nn.LayerNorm):
        return Sizes(part.normalized_shape[-1], part.normalized_shape[-1])
    return None
