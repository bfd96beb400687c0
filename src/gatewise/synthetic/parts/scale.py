"""Series brought to a common size."""

from __future__ import annotations

import numpy as np

from ..batch import Floats


def standard(values: Floats) -> Floats:
    """Each row with mean 0 and variance 1; a constant row is 0."""
    centred = values - values.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    return centred / np.where(spread > 1e-12, spread, 1.0)


def exponential(values: Floats) -> Floats:
    """``exp``, with exponents held within what float32 takes."""
    return np.exp(np.clip(values, -30, 30))
