"""Time cut into chunks whose gradients fit into the cache."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

from ..layer import Layer

_BYTES = 8 * 2**20  # of one chunk; of this order are the caches that cores share
_ROWS = 512  # at least, so that a product over a chunk's rows is worth packing for


def chunks_of(layer: Layer, row_bytes: int) -> list[tuple[slice, slice]]:
    """Steps and rows of each chunk, in order of time, when one row takes so many bytes. A step is never cut."""
    most = max(_ROWS, _BYTES // max(1, row_bytes))
    if layer.batch_sizes is None:
        steps = max(1, most // max(1, layer.rows))
        cuts = [*range(0, layer.steps, steps), layer.steps]
        return [(slice(start, stop), slice(start * layer.rows, stop * layer.rows)) for start, stop in pairwise(cuts)]
    offsets: list[int] = layer.offsets().tolist()
    found: list[tuple[slice, slice]] = []
    start = 0
    while start < layer.steps:
        stop = max(start + 1, bisect_right(offsets, offsets[start] + most) - 1)
        found.append((slice(start, stop), slice(offsets[start], offsets[stop])))
        start = stop
    return found
