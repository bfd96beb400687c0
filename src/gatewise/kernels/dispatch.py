"""Which driver runs a layer, and why, in words."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from . import reference
from .layer import Layer
from .operator import sequence_op
from .registry import cell_of

FUSED_DTYPES = (torch.float32, torch.float64)


class Choice(NamedTuple):
    """driver: ``"cpu"`` or ``"reference"``. reason: one sentence."""

    driver: str
    reason: str


def choose(x: Tensor) -> Choice:
    """The driver for an input like this one."""
    if x.device.type != "cpu":
        return Choice("reference", f"no fused kernel for device {x.device.type}: a Python loop over time runs instead")
    if x.dtype not in FUSED_DTYPES:
        return Choice("reference", f"no fused CPU kernel for {x.dtype}: a Python loop over time runs instead")
    if 0 in x.shape:
        return Choice("reference", "there is nothing to compute")
    return Choice("cpu", f"fused CPU kernel for {x.dtype}")


def sequence(key: str, layer: Layer) -> tuple[Tensor, Tensor]:
    """Run the cell registered under ``key`` over a sequence: y (T, B, H) and the last states (S, B, H)."""
    if choose(layer.x).driver == "reference":
        return reference.forward(cell_of(key), layer)
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in layer[:-1])
    y, last, _, _ = sequence_op(key, *layer, keep)
    return y, last
