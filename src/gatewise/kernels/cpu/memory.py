"""Large arrays without a page fault for every four kilobytes.

Where the system hands out memory in pages of 4 KiB only on first touch, touching 50 MB costs as much as computing
what is written there. Linux takes a hint to use pages of 2 MiB instead.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import threading
from collections.abc import Generator
from contextlib import contextmanager
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


@contextmanager
def rows_apart(like: Tensor, rows: int, *shape: int) -> Generator[Tensor, None, None]:
    """Scratch of (rows, *shape), each row a little further from the next than it is long: a column of rows that lie
    powers of two apart falls into few places of a cache, and drives itself out.

    Each thread keeps its scratch for the next call, up to 32 MiB: pages that are already there cost nothing.
    """
    length = math.prod(shape)
    width = length + _LINE // like.itemsize
    held: Tensor | None = _kept.__dict__.pop(str(like.dtype), None)
    if held is None or len(held) < rows * width:
        held = empty(like, rows * width)
    yield held[: rows * width].view(rows, width)[:, :length].unflatten(1, shape)
    if held.numel() * held.itemsize <= _MOST_KEPT:
        _kept.__dict__[str(like.dtype)] = held


_kept = threading.local()
_MOST_KEPT = 2**25


@lru_cache(maxsize=1)
def _madvise() -> Any:
    function = ctypes.CDLL(None).madvise
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return function
