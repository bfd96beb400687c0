"""Large arrays without a page fault for every four kilobytes.

Where the system hands out memory only on first touch, touching 50 MB costs as much as computing what is written
there. What a forward pass keeps for its backward pass is as large as that, and nobody else sees it: such memory is
lent from blocks that stay, and comes back when the tensor is gone. Linux is asked for pages of 2 MiB.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import threading
import weakref
from collections import deque
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

_HUGE = 2**21
LINE = 64  # bytes of a cache line
_ADVICE = getattr(mmap, "MADV_HUGEPAGE", None)
_WORTH_LENDING = 2**20


def empty(like: Tensor, *shape: int) -> Tensor:
    """An uninitialised tensor of this shape, of the dtype of ``like``, for whoever wants to keep it."""
    tensor = like.new_empty(shape)
    size = tensor.numel() * tensor.itemsize
    if size >= 2 * _HUGE and _ADVICE is not None:
        start = -(-tensor.data_ptr() // _HUGE) * _HUGE
        end = (tensor.data_ptr() + size) // _HUGE * _HUGE
        _madvise()(start, end - start, _ADVICE)  # only a hint: whether it was taken makes no difference
    return tensor


@lru_cache(maxsize=1)
def _madvise() -> Any:
    function = ctypes.CDLL(None).madvise
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return function


def lent(like: Tensor, *shape: int) -> Tensor:
    """The same for what nobody else sees: within a pass, or between a forward pass and the end of its backward pass."""
    count = math.prod(shape)
    if count * like.itemsize < _WORTH_LENDING:
        return like.new_empty(shape)
    return torch.frombuffer(_blocks.view(count * like.itemsize), dtype=like.dtype, count=count).view(shape)


def rows_apart(like: Tensor, rows: int, *shape: int) -> Tensor:
    """Of (rows, *shape), lent, each row a little further from the next than it is long: a column of rows that lie
    powers of two apart falls into few places of a cache, and drives itself out."""
    length = math.prod(shape)
    return lent(like, rows, length + LINE // like.itemsize)[:, :length].unflatten(1, shape)


class Blocks:
    """Memory that is lent and comes back. At most ``most`` bytes wait for the next who needs them."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._forget()

    def _forget(self) -> None:
        """In a forked child nothing waits, and the lock is free, whoever held it in the parent."""
        self._returned: deque[mmap.mmap] = deque()
        self._waiting: list[mmap.mmap] = []
        self._lock = threading.Lock()  # of what waits

    @property
    def waiting(self) -> int:
        """Bytes that nobody uses now."""
        return sum(map(len, self._waiting))

    def forget_in_forks(self) -> None:
        """From now on, in every child that is forked."""
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def view(self, size: int) -> memoryview:
        """So many bytes at least, until the view is gone."""
        with self._lock:
            waiting = self._take(size)
        self._sort_in()
        block = waiting or _new_block(size)
        view = memoryview(block)
        weakref.finalize(view, self._give_back, block).atexit = False
        return view

    def _take(self, size: int) -> mmap.mmap | None:
        """The smallest that is large enough, and not wastefully so."""
        fitting = [block for block in self._waiting if size <= len(block) <= 2 * size + _HUGE]
        smallest = min(fitting, key=len, default=None)
        if smallest is not None:
            self._waiting.remove(smallest)
        return smallest

    def _give_back(self, block: mmap.mmap) -> None:
        """By a finalizer, which the collector of garbage may run in a thread that holds the lock: it waits for none."""
        self._returned.append(block)
        self._sort_in()

    def _sort_in(self) -> None:
        """Let what came back wait. Whoever holds the lock does that for others, once they have let it go."""
        while self._returned and self._lock.acquire(blocking=False):
            try:
                while self._returned:
                    self._waiting.append(self._returned.popleft())
                while self._waiting and self.waiting > self.most:
                    self._waiting.pop(0)  # the one that waits longest
            finally:
                self._lock.release()


def _new_block(size: int) -> mmap.mmap:
    """Memory of this process alone: what Python maps is by default one memory for all that are forked from it."""
    flags = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}  # not on Windows
    block = mmap.mmap(-1, -(-size // _HUGE) * _HUGE, **flags)
    if _ADVICE is not None:
        block.madvise(_ADVICE)
    return block


_blocks = Blocks(most=2**29)
_blocks.forget_in_forks()
