"""What is known of the memory in which tensors lie, whichever driver computes there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache

import torch
from torch import Tensor
from torch._C import _len_torch_dispatch_stack  # pyright: ignore[reportPrivateUsage]
from torch._C._functorch import is_functorch_wrapped_tensor  # torch has no public names for these
from torch._subclasses import FakeTensor


def is_transformed(tensor: Tensor) -> bool:
    """Whether the tensor stands for others, in one of torch.func's transforms."""
    return not torch.compiler.is_compiling() and is_functorch_wrapped_tensor(tensor)


def is_known(tensor: Tensor) -> bool:
    """Whether it has numbers of its own, now."""
    return not (torch.compiler.is_compiling() or is_transformed(tensor) or isinstance(tensor, FakeTensor))


def is_at_hand(tensor: Tensor) -> bool:
    """Whether its numbers are known, and can be looked at without waiting for a device."""
    # a mode may record what is asked of the tensor
    return is_known(tensor) and tensor.is_cpu and not _len_torch_dispatch_stack()


def unreadable(tensors: Iterable[Tensor]) -> list[int]:
    """Which of some contiguous tensors do not have their numbers at their address as they are.

    A view that negates what it shows has not, nor have zeros that torch has not written down, nor a tensor whose memory
    was made shorter, as code for sharded training does with weights that it needs no more. Asked at every call.
    """
    numbers: list[int] = []
    for number, tensor in enumerate(tensors):
        size = tensor.nbytes
        if size:
            beside = tensor.untyped_storage().nbytes() - size
            short = beside and beside < tensor.storage_offset() * tensor.itemsize
            if short or tensor.is_neg() or tensor._is_zerotensor():
                numbers.append(number)
    return numbers


def written_out(tensor: Tensor) -> Tensor | None:
    """A copy that has them there; None where memory is too short for them."""
    too_short = tensor.untyped_storage().nbytes() < tensor.nbytes + tensor.storage_offset() * tensor.itemsize
    return None if too_short else tensor.clone()


def memory_beside(tensor: Tensor) -> int | None:
    """How many bytes of memory the tensor's device has in all; None where that is not known."""
    if torch.compiler.is_compiling() or not tensor.is_cpu or not hasattr(os, "sysconf"):
        return None
    return _host_memory()


@cache
def _host_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
