"""Arrays as a page holds them: float32, checked for their shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ShapeError

Floats = NDArray[np.float32]


def floats(values: ArrayLike, shape: tuple[int | None, ...], what: str) -> Floats:
    """The values in float32. shape: None where any size will do. Raises ShapeError naming ``what``."""
    array = np.asarray(values, dtype=np.float32)
    fits = array.ndim == len(shape) and all(
        size in (None, found) for found, size in zip(array.shape, shape, strict=True)
    )
    if not fits:
        sizes = ", ".join("any" if size is None else str(size) for size in shape)
        raise ShapeError(f"{what} has shape {array.shape}", hint=f"give it shape ({sizes})")
    return array
