"""The weights in the package: read once, where they are first needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from .forward import Forward
from .network import Sizes
from .sums import Singles

FILE = Path(__file__).with_name("weights.safetensors")
REACH = "reach"
"""What the factors on the reach of intervals are called in its metadata."""


@cache
def pretrained_weights() -> Mapping[str, Singles]:
    """The weights of the network that comes with the package, by name."""
    from safetensors.numpy import load_file

    return {name: values.astype(np.float32) for name, values in load_file(FILE).items()}


@cache
def pretrained_reach() -> tuple[float, ...]:
    """The factors on the reach of its intervals, see `Forward`; nothing where the file has none."""
    from safetensors import safe_open

    with safe_open(FILE, "numpy") as file:
        return tuple(json.loads((file.metadata() or {}).get(REACH, "[]")))


@cache
def pretrained() -> Forward:
    """That network."""
    weights = pretrained_weights()
    return Forward(Sizes.of(weights), weights, pretrained_reach())
