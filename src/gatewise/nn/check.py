"""What a module asks of its input and initial state, in words that name what is wrong and what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ..errors import InputError, ShapeError


def check_input(x: Any, size: int, weight: Tensor) -> None:
    """Raises InputError where ``x`` is not a (T, B, I) or (T, I) tensor like the module's weights."""
    if isinstance(x, PackedSequence):
        raise InputError("a PackedSequence is not taken", hint="pad_packed_sequence gives a padded tensor")
    if not isinstance(x, Tensor):
        raise InputError(f"the input is a {type(x).__name__}, not a tensor", hint="torch.from_numpy or torch.tensor")
    if x.dim() not in (2, 3):
        raise ShapeError(f"the input has shape {tuple(x.shape)}, expected 2 dimensions (unbatched) or 3")
    if x.shape[-1] != size:
        raise ShapeError(f"input.size(-1) must be equal to input_size. Expected {size}, got {x.shape[-1]}")
    _check_kind("the input", x, weight)


def check_states(states: Any, names: Sequence[str], shape: tuple[int, ...], weight: Tensor) -> tuple[Tensor, ...]:
    """The initial states as a tuple. Raises InputError where one is missing or unlike what is expected."""
    given = (states,) if len(names) == 1 and isinstance(states, Tensor) else states
    wanted = f"({', '.join(f'{name}_0' for name in names)})"
    if not isinstance(given, tuple | list) or len(given) != len(names):  # pyright: ignore[reportUnknownArgumentType]
        found = "a single tensor" if isinstance(states, Tensor) else f"a {type(states).__name__}"
        raise ShapeError(f"expected the initial state as {wanted}, got {found}", hint=f"pass a tuple {wanted}")
    for name, state in zip(names, given, strict=True):
        if tuple(state.shape) != shape:
            raise ShapeError(f"Expected hidden {name}_0 size {shape}, got {tuple(state.shape)}")
        _check_kind(f"{name}_0", state, weight)
    return tuple(given)


def _check_kind(name: str, tensor: Tensor, weight: Tensor) -> None:
    if tensor.device != weight.device:
        raise ShapeError(
            f"{name} is on {tensor.device}, the module on {weight.device}: they are not at the same device"
        )
    if tensor.dtype != weight.dtype and not torch.is_autocast_enabled(tensor.device.type):
        raise ShapeError(
            f"{name} is {tensor.dtype}, the module's weights are {weight.dtype}",
            hint=f"convert one of them, for example {name.split()[-1]}.to({weight.dtype})",
        )
