"""Which driver runs a layer, and why, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor  # torch has no public name for it
from torch.autograd import forward_ad

from . import reference
from .layer import Layer
from .operator import TRAINED, PlainSequence, Sequence, is_plain, run_forward, sequence_op
from .reference import States
from .registry import cell_of

FUSED_DTYPES = (torch.float32, torch.float64)
HALVES = (torch.bfloat16, torch.float16)


class Choice(NamedTuple):
    """driver: ``"cpu"`` or ``"reference"``. reason: one sentence."""

    driver: str
    reason: str


def choose(x: Tensor) -> Choice:
    """The driver for an input like this one."""
    if x.device.type != "cpu":
        return Choice("reference", f"no fused kernel for device {x.device.type}: a Python loop over time runs instead")
    if x.dtype in HALVES:
        return Choice("cpu", f"fused CPU kernel in float32, its results rounded to {x.dtype}")
    if x.dtype not in FUSED_DTYPES:
        return Choice("reference", f"no fused CPU kernel for {x.dtype}: a Python loop over time runs instead")
    if 0 in x.shape[:-1]:
        return Choice("reference", "there is nothing to compute")
    if in_forward_mode():
        return Choice("reference", "forward-mode differentiation goes through a Python loop over time")
    return Choice("cpu", f"fused CPU kernel for {x.dtype}")


def working_dtype(weight: Tensor) -> torch.dtype:
    """What to compute in for weights like this one: float32 for half precision on the CPU, else their own dtype."""
    return torch.float32 if weight.dtype in HALVES and weight.device.type == "cpu" else weight.dtype


def in_forward_mode() -> bool:
    """Whether torch is differentiating in forward mode, for which the fused operators have no rule."""
    return getattr(forward_ad, "_current_level", -1) >= 0


def is_transformed(tensor: Tensor) -> bool:
    """Whether the tensor stands for others, in one of torch.func's transforms."""
    return not torch.compiler.is_compiling() and is_functorch_wrapped_tensor(tensor)


def sequence(key: str, layer: Layer, *, histories: bool = False) -> States:
    """Run the cell registered under ``key`` over a sequence; the histories are empty unless asked for."""
    if choose(layer.x).driver == "reference" or layer.x.dtype in HALVES:
        return reference.forward(cell_of(key), layer)
    trained: tuple[Tensor, ...] = layer[:TRAINED]  # pyright: ignore[reportAssignmentType] - only batch_sizes may be None
    learns = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in trained)
    y, last, _, kept = _runner(layer, learns)(key, *layer, histories or learns)
    return States(y, last, kept)


def _runner(layer: Layer, learns: bool) -> Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]]:
    """The cheapest way into the kernels that torch's machinery allows for these tensors."""
    if is_plain(layer):
        return PlainSequence.apply if learns else run_forward
    return Sequence.apply if any(is_transformed(tensor) for tensor in layer[:-1]) else sequence_op
