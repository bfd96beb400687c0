"""Tensors between pages of memory that must not be touched: who reads or writes beside one is killed at once."""

from __future__ import annotations

import ctypes
import mmap
import random
import weakref
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

PAGE = mmap.PAGESIZE
_UNTOUCHABLE = 0  # PROT_NONE, for which mmap has no name
_NOTHING_WRITTEN = {torch.empty, torch.empty_like, Tensor.new_empty}


class GuardPages(TorchFunctionMode):
    """While it lasts, every tensor with elements that torch makes in this thread ends or begins at such a page.

    Which of both is drawn at random. What nobody has written to yet is NaN, or -1; a tensor that is gone is unmapped.

    Attributes:
        count: how many tensors were made so far.
    """

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        self.count = 0
        self._draw = draw
        self._places: set[int] = set()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """What torch gives, moved to such memory if it is new."""
        result = func(*args, **(kwargs or {}))
        if type(result) is not Tensor or not result.numel() or result.untyped_storage().data_ptr() in self._places:
            return result
        guarded = self._guarded(result.shape, result.dtype)
        return guarded if func in _NOTHING_WRITTEN else guarded.copy_(result)

    def _guarded(self, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        size = shape.numel() * dtype.itemsize
        pages = -(-size // PAGE) * PAGE
        mapped = _libc().mmap(None, pages + 2 * PAGE, _UNTOUCHABLE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
        if mapped in (None, ctypes.c_void_p(-1).value) or _libc().mprotect(
            mapped + PAGE, pages, mmap.PROT_READ | mmap.PROT_WRITE
        ):
            raise MemoryError("no memory between guard pages")
        ctypes.memset(mapped + PAGE, 0xFF, pages)
        start = mapped + PAGE + (0 if self._draw.random() < 0.35 else pages - size)
        buffer = (ctypes.c_char * size).from_address(start)
        self._places.add(start)
        weakref.finalize(buffer, self._unmap, start, mapped, pages + 2 * PAGE).atexit = False
        self.count += 1
        return torch.frombuffer(buffer, dtype=dtype, count=shape.numel()).view(shape)

    def _unmap(self, start: int, mapped: int, size: int) -> None:
        self._places.discard(start)
        _libc().munmap(mapped, size)


@lru_cache(maxsize=1)
def _libc() -> Any:
    library = ctypes.CDLL(None)
    library.mmap.restype = ctypes.c_void_p
    whole, number = ctypes.c_size_t, ctypes.c_int
    library.mmap.argtypes = [ctypes.c_void_p, whole, number, number, number, ctypes.c_long]
    library.mprotect.argtypes = [ctypes.c_void_p, whole, number]
    library.munmap.argtypes = [ctypes.c_void_p, whole]
    return library
