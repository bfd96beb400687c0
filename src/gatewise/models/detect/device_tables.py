"""Floats in the C file of a detector: tables of their bits, from which they come back exactly, a NaN too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...export.c.text import int_table
from ...tables.panel import Floats


def bits_of(values: Floats) -> NDArray[np.uint32]:
    """As floats, by their bits; every NaN by the same."""
    singles = np.asarray(values, np.float64).astype(np.float32)
    return np.where(np.isnan(singles), np.float32(np.nan), singles).view(np.uint32)


def table(name: str, values: Floats) -> str:
    """Floats as an array of their bits."""
    return int_table(name, bits_of(values), "uint32_t")
