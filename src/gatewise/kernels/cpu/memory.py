"""Large arrays without a page fault for every four kilobytes.

Where the system hands out memory in pages of 4 KiB only on first touch, touching 50 MB costs as much as computing
what is written there. Linux takes a hint to use pages of 2 MiB instead.
"""

from __future__ import annotations

import ctypes
import math
import mmap
from functools import lru_cache
from typing import Any

from torch import Tensor

_HUGE = 2**21
_LINE = 64  # bytes of a cache line
_ADVICE = getattr(mmap, "MADV_HUGEPAGE", None)


def empty(like: Tensor, *shape: int) -> Tensor:
    """An uninitialised tensor of this shape, of the dtype of ``like``."""
    tensor = like.new_empty(shape)
    size = tensor.numel() * tensor.itemsize
    if size >= 2 * _HUGE and _ADVICE is not None:
        start = -(-tensor.data_ptr() // _HUGE) * _HUGE
        end = (tensor.data_ptr() + size) // _HUGE * _HUGE
        _madvise()(start, end - start, _ADVICE)  # only a hint: whether it was taken makes no difference
    return tensor


def rows_apart(like: Tensor, rows: int, *shape: int) -> Tensor:
    """The same, each row a little further from the next than it is long: a column of rows that lie powers of two
    apart falls into few places of a cache, and drives itself out."""
    length = math.prod(shape)
    return empty(like, rows, length + _LINE // like.itemsize)[:, :length].unflatten(1, shape)


@lru_cache(maxsize=1)
def _madvise() -> Any:
    function = ctypes.CDLL(None).madvise
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return function
