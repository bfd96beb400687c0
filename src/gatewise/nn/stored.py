"""Modules out of files: made without memory, and filled with the tensors that prove their sizes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..fields import Check, Fields, either, flag, listed, number, one_of, optional, table, whole

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
"""Of weights in a file."""
_UNPROVEN = 1 << 16
"""A size that no tensor has to prove: what is made of it is smaller than what a process holds anyway."""


def most_of(tensors: Mapping[str, Tensor]) -> int:
    """The largest size that a file with these tensors may name: as many as there are numbers."""
    return max(_UNPROVEN, sum(tensor.numel() for tensor in tensors.values()))


def check_layers(layers: int, tensors: Mapping[str, Tensor]) -> None:
    """Raise InputError for more layers than there are weights."""
    if layers > len(tensors):
        raise InputError(f"{layers:,} layers, and {len(tensors):,} weights")


def fill(module: nn.Module, tensors: Mapping[str, Tensor], dtype: torch.dtype | None = None) -> None:
    """Give a module on the meta device these tensors, which are its weights and buffers and no others.

    dtype: of all of them from now on; None for that of each. Raises InputError for another name, shape or kind.
    """
    expected = module.state_dict()
    strange = sorted(expected.keys() ^ tensors.keys())
    if strange:
        words = "is missing" if strange[0] in expected else "has no place"
        raise InputError(f"the tensor {strange[0][:80]!r} {words}")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            shapes = f"{tuple(tensor.shape)}, expected {tuple(expected[name].shape)}"
            raise InputError(f"the tensor {name!r} has shape {shapes}")
        check_floats(name, tensor)
    weights = {name: tensor if dtype is None else tensor.to(dtype) for name, tensor in tensors.items()}
    module.load_state_dict(weights, assign=True)


def check_floats(name: str, tensor: Tensor) -> None:
    """Raise InputError for a tensor of whole numbers, truths, complex numbers or less than 16 bits."""
    if tensor.dtype not in DTYPES:
        raise InputError(f"the tensor {name!r} is of {tensor.dtype}")


def check_finite(tensors: Mapping[str, Tensor]) -> None:
    """Raise InputError for a tensor with NaN or infinities, of a model that can have learned none.

    tensors: as the model has them now, since a number may have been too large for its dtype.
    """
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise InputError(f"the tensor {name!r} has values that are not finite")


def tensors_of(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those whose names begin like this, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def renamed(tensors: Mapping[str, Tensor], prefix: str, other: str) -> dict[str, Tensor]:
    """The tensors, with ``other`` in place of the prefix where their names begin with it."""
    return {
        f"{other}{name.removeprefix(prefix)}" if name.startswith(prefix) else name: tensor
        for name, tensor in tensors.items()
    }


def recurrent_fields(most: int, *, required: Collection[str] = (), ignored: Collection[str] = ()) -> Fields:
    """The arguments of `Recurrent` in a file.

    most: the largest size; see `most_of`. required: may not be missing. ignored: are read over.
    """
    size, rate = whole(1, most), number(0, 1)
    checks: dict[str, Check] = {
        "input_size": size,
        "hidden_size": either(listed(size), size),
        "num_layers": size,
        "bias": flag,
        "batch_first": flag,
        "dropout": rate,
        "bidirectional": flag,
        "proj_size": whole(0, most),
        "layer_norm": optional(one_of(("output", "memory"))),
        "zoneout": table(rate),
        "recurrent_dropout": rate,
        "candidate_dropout": rate,
        "h_detach": rate,
        "clip_memory": optional(number(0)),
        "clip_gates": optional(number(0)),
        "heads": size,
        "weight_drop": rate,
        "residual": flag,
        "pre_norm": flag,
        "learned_state": flag,
        "widths": table(size),
    }
    return Fields(checks, lacking=checks.keys() - set(required), ignored=ignored)
