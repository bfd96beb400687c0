"""torch.autocast around modules that choose their own dtype."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor


def is_active(device: str) -> bool:
    """Whether autocast is on for a kind of device; some, meta among them, have none."""
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def without_autocast(device: str) -> AbstractContextManager[Any]:
    """A block in which it is off."""
    return torch.autocast(device, enabled=False) if is_active(device) else nullcontext()


def result_dtype(weight: Tensor) -> torch.dtype:
    """The dtype of results: under autocast the one that it works in, which like torch's leaves float64 as it is."""
    device = weight.device.type
    return torch.get_autocast_dtype(device) if is_active(device) and weight.dtype != torch.float64 else weight.dtype


def in_dtype(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor in a dtype, mostly its own: not asking torch then is a good part of what a short call costs."""
    return tensor if tensor.dtype == dtype else tensor.to(dtype)
