"""The weights in the package: read once, where they are first needed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from .forward import Forward
from .network import Sizes

FILE = Path(__file__).with_name("weights.safetensors")


@cache
def pretrained() -> Forward:
    """The network that comes with the package."""
    from safetensors.numpy import load_file

    weights = {name: values.astype(np.float32) for name, values in load_file(FILE).items()}
    return Forward(Sizes.of(weights), weights)
