"""What a module asks of its input and initial state, in words that name what is wrong and what would be right."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._subclasses import FakeTensor
from torch.nn.utils.rnn import PackedSequence

from ..errors import InputError, ShapeError
from ..kernels.dispatch import is_transformed

# Inputs beyond this are computed, but every gate that reads them is likely to sit at one of its ends.
HUGE = 1e6


def check_input(x: Any, size: int, weight: Tensor) -> None:
    """Raises InputError where ``x`` is not a (T, B, I) or (T, I) tensor, or packed rows, like the module's weights."""
    data: Any = x.data if isinstance(x, PackedSequence) else x
    if not isinstance(data, Tensor):
        hint = "torch.from_numpy(x)" if isinstance(x, np.ndarray) else "torch.tensor(x)"
        raise InputError(f"the input is a {type(x).__name__}, not a tensor", hint=f"pass {hint}")
    if isinstance(x, PackedSequence):
        check_batch_sizes(x)
    elif x.dim() not in (2, 3):
        raise ShapeError(f"the input has shape {tuple(x.shape)}, expected 2 dimensions (unbatched) or 3")
    if data.shape[-1] != size:
        raise ShapeError(f"input.size(-1) must be equal to input_size. Expected {size}, got {data.shape[-1]}")
    check_kind("input", data, weight)


def check_batch_sizes(packed: PackedSequence) -> None:
    """Raises InputError where the sizes do not cover the data, which torch.nn would drop or read beyond."""
    covered, rows = int(packed.batch_sizes.sum()), packed.data.shape[0]
    if covered != rows:
        raise InputError(
            f"batch_sizes of the PackedSequence add up to {covered}, its data has {rows} rows",
            hint="make it with pack_padded_sequence or pack_sequence",
        )


def check_lengths(lengths: Any, steps: int, batch: int) -> Tensor:
    """The lengths as an integer tensor (B,). Raises InputError naming the row that does not fit."""
    found = torch.as_tensor(lengths)
    if found.dim() != 1 or found.dtype.is_floating_point or found.dtype == torch.bool:
        raise InputError(f"lengths must be {batch} integers, not {found.dtype} of shape {tuple(found.shape)}")
    if len(found) != batch:
        hint = "check batch_first" if len(found) == steps else ""
        raise ShapeError(f"there are {len(found)} lengths for a batch of {batch}", hint=hint)
    if torch.compiler.is_compiling():  # values are not known yet
        return found
    for wrong, bound in (((found > steps), f"> T {steps}"), (found < 0, "< 0")):
        if bool(wrong.any()):
            row = int(wrong.nonzero()[0])
            raise InputError(f"length {int(found[row])} {bound} at row {row}")
    return found


def check_states(states: Any, names: Sequence[str], shapes: Sequence[tuple[int, ...]], weight: Tensor) -> list[Tensor]:
    """The initial states in order. Raises InputError where one is missing or unlike what is expected."""
    given = (states,) if len(names) == 1 and isinstance(states, Tensor) else states
    wanted = f"({', '.join(f'{name}_0' for name in names)})"
    if not isinstance(given, tuple | list) or len(given) != len(names):  # pyright: ignore[reportUnknownArgumentType]
        found = "a single tensor" if isinstance(states, Tensor) else f"a {type(states).__name__}"
        raise ShapeError(f"expected the initial state as {wanted}, got {found}", hint=f"pass a tuple {wanted}")
    for name, state, shape in zip(names, given, shapes, strict=True):
        if not isinstance(state, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance] - users may give anything
            raise InputError(f"{name}_0 is a {type(state).__name__}, not a tensor")
        if tuple(state.shape) != shape:
            raise ShapeError(
                f"Expected hidden {name}_0 size {shape}, got {tuple(state.shape)}", hint=_layout(state, shape)
            )
        check_kind(f"{name}_0", state, weight)
    return list(given)


def _layout(state: Tensor, shape: tuple[int, ...]) -> str:
    if state.dim() == len(shape) - 1:
        return "for batched 3-D input, hx and cx should also be 3-D"
    return "does batch_first say rightly which dimension of the input is time?" if state.dim() == len(shape) else ""


def check_kind(name: str, tensor: Tensor, weight: Tensor) -> None:
    """Raises ShapeError where a tensor lies elsewhere than the weights, or is of another dtype."""
    if tensor.device != weight.device:
        raise ShapeError(
            f"{name} is on {tensor.device}, the module on {weight.device}: they are not at the same device"
        )
    if tensor.dtype == weight.dtype:
        return
    if torch.is_autocast_enabled(tensor.device.type) and tensor.dtype.is_floating_point:
        return
    raise ShapeError(
        f"{name} is {tensor.dtype}, the module's weights are {weight.dtype}",
        hint=f"convert one of them: {name}.to({weight.dtype}) or module.to({tensor.dtype})"
        if tensor.dtype.is_floating_point
        else f"convert it: {name}.to({weight.dtype})",
    )


def check_weight(name: str, weight: Any, shape: tuple[int, ...]) -> Tensor:
    """A parameter, which may have been replaced since it was made. Raises ShapeError where it has another shape."""
    if not isinstance(weight, Tensor) or tuple(weight.shape) != shape:
        found = tuple(weight.shape) if isinstance(weight, Tensor) else type(weight).__name__
        raise ShapeError(f"{name} has shape {found}, expected {shape}")
    return weight


def check_values(x: Tensor, where: Callable[[int], str], running: Callable[[], int | None] = lambda: None) -> None:
    """Raises InputError where a number of the rows (N, I) is NaN or infinite; warns where one is huge.

    where: (row) -> how to say which row it is. running: how many rows count. Only on the CPU, and where values are
    known.
    """
    if torch.compiler.is_compiling() or x.device.type != "cpu" or is_transformed(x) or isinstance(x, FakeTensor):
        return
    x = x.detach()[: running()]
    if x.numel() == 0:
        return
    low, high = torch.aminmax(x)
    size = max(-low.item(), high.item())
    if not math.isfinite(size) or math.isnan(low.item()):
        row, feature = (~torch.isfinite(x)).nonzero()[0].tolist()
        raise InputError(
            f"the input is {x[row, feature].item()} at {where(row)}, feature {feature}",
            hint="repair it (torch.nan_to_num), or set module.allow_nonfinite = True",
        )
    if size > HUGE:
        warnings.warn(
            f"the input has values up to {size:.0e}: gates that read them are saturated; scale it", stacklevel=4
        )


def check_memory(name: str, count: int, x: Tensor) -> None:
    """Raises InputError where so many numbers cannot fit into this machine's memory."""
    if x.device.type != "cpu" or torch.compiler.is_compiling() or not hasattr(os, "sysconf"):
        return
    needed, there = count * x.element_size(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise InputError(
            f"{name} would take {needed / 2**30:,.0f} GiB, this machine has {there / 2**30:,.0f} GiB",
            hint="run over chunks of time, passing the state on",
        )
