"""What a module checks before a kernel sees a pointer: forms, numbers and memory; and the dtype under autocast."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ..errors import InputError, ShapeError
from ..kernels.device import is_at_hand, memory_beside
from ..kernels.small import is_dense


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


_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def check_input(x: Any, size: int, weight: Tensor) -> None:
    """Raises InputError where ``x`` is not a (T, B, I) or (T, I) tensor, or packed rows, like the module's weights."""
    data: Any = x.data if isinstance(x, PackedSequence) else x
    check_tensor("the input", data)
    if isinstance(x, PackedSequence):
        check_packed(x)
    elif x.dim() not in (2, 3):
        raise ShapeError(f"Expected input to be 2D or 3D, got {x.dim()}D instead, of shape {tuple(x.shape)}")
    if data.shape[-1] != size:
        raise ShapeError(f"input.size(-1) must be equal to input_size. Expected {size}, got {data.shape[-1]}")
    check_kind("input", data, weight)


def check_tensor(name: str, value: Any) -> None:
    """Raises InputError where a value is no tensor, with the way to make one."""
    if not isinstance(value, Tensor):
        ways = {np.ndarray: "torch.from_numpy", list: "torch.tensor", tuple: "torch.tensor"}
        hint = f"pass {ways[type(value)]}({name.split()[-1]})" if type(value) in ways else ""
        raise InputError(f"{name} is a {type(value).__name__}, not a tensor", hint=hint)
    if not is_dense(value):
        kind = "nested" if value.is_nested else str(value.layout).removeprefix("torch.").strip("_")
        ways = {True: "torch.nested.to_padded_tensor({}, 0.0)", False: "{}.to_dense()"}
        hint = f"convert it: {ways[value.is_nested].format(name.split()[-1])}"
        raise InputError(f"{name} is {kind}, not a dense tensor", hint=hint)


def check_packed(packed: PackedSequence) -> None:
    """Raises InputError where the parts do not belong together: torch.nn would drop rows, or read beyond them."""
    data, sizes, order = packed.data, packed.batch_sizes, packed.sorted_indices
    if data.dim() != 2:
        raise ShapeError(f"the data of the PackedSequence has shape {tuple(data.shape)}, expected (rows, features)")
    if sizes.dim() != 1 or sizes.dtype != torch.int64 or not sizes.is_cpu:
        raise _packed(
            f"batch_sizes must be a vector of int64 on the CPU, not {sizes.dtype} of shape {tuple(sizes.shape)}"
        )
    if torch.compiler.is_compiling():  # values are not known yet
        return
    if bool((sizes < 0).any()) or bool((sizes.diff() > 0).any()):
        raise _packed(f"batch_sizes must never rise, nor be negative: {sizes[:8].tolist()}")
    if int(sizes.sum()) != len(data) or not len(sizes):
        raise _packed(f"batch_sizes add up to {int(sizes.sum())}, its data has {len(data)} rows")
    if order is not None and not torch.equal(order.cpu().sort().values, torch.arange(int(sizes[0]))):
        raise _packed(f"sorted_indices must be the numbers from 0 to {int(sizes[0]) - 1} in some order")


def _packed(what: str) -> InputError:
    return InputError(f"PackedSequence: {what}", hint="make it with pack_padded_sequence or pack_sequence")


def check_lengths(lengths: Any, steps: int, batch: int) -> Tensor:
    """The lengths as an integer tensor (B,). Raises InputError naming the row that does not fit."""
    try:
        integers = torch.as_tensor(lengths)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"lengths must be {batch} integers", hint=str(error)) from None
    if isinstance(lengths, list | tuple) and not lengths:
        integers = integers.long()
    if integers.dim() != 1 or integers.dtype not in _INTEGERS or integers.is_meta:
        raise InputError(f"lengths must be {batch} integers, not {integers.dtype} of shape {tuple(integers.shape)}")
    if len(integers) != batch:
        hint = "check batch_first" if len(integers) == steps else ""
        raise ShapeError(f"there are {len(integers)} lengths for a batch of {batch}", hint=hint)
    if torch.compiler.is_compiling():  # values are not known yet
        return integers
    for wrong, bound in (((integers > steps), f"> T {steps}"), (integers < 0, "< 0")):
        if bool(wrong.any()):
            row = int(wrong.nonzero()[0])
            raise InputError(f"length {int(integers[row])} {bound} at row {row}")
    return integers


def check_mask(name: str, mask: Any, shape: tuple[int, ...]) -> Tensor:
    """A bool tensor of this shape. Raises InputError or ShapeError where it is anything else."""
    check_tensor(name, mask)
    if mask.is_meta:
        raise InputError(f"{name} is on the meta device, without values")
    if mask.dtype != torch.bool:
        raise InputError(f"{name} is {mask.dtype}, not bool", hint=f"{name}.bool(), True where it is not 0")
    if tuple(mask.shape) != shape:
        hint = "check batch_first" if len(shape) > 1 and tuple(mask.shape) == shape[::-1] else ""
        raise ShapeError(f"{name} has shape {tuple(mask.shape)}, expected {shape}", hint=hint)
    return mask


def check_resets(resets: Any, input: Tensor | PackedSequence) -> Tensor:
    """The mask of a call, of the shape of its input without features; (N,) for packed rows. Raises as above."""
    if not isinstance(input, PackedSequence):
        return check_mask("resets", resets, tuple(input.shape[:-1]))
    if not isinstance(resets, PackedSequence):
        raise InputError("resets of a PackedSequence are a PackedSequence too", hint="pack both alike")
    if not torch.compiler.is_compiling() and not torch.equal(resets.batch_sizes, input.batch_sizes):
        raise InputError("resets are packed with other lengths than the input", hint="pack both alike")
    return check_mask("resets", resets.data, tuple(input.data.shape[:-1]))


def check_states(states: Any, names: Sequence[str], shapes: Sequence[tuple[int, ...]], weight: Tensor) -> list[Tensor]:
    """The initial states in order. Raises InputError where one is missing or unlike what is expected."""
    initial = (states,) if len(names) == 1 and isinstance(states, Tensor) else states
    expected = f"({', '.join(f'{name}_0' for name in names)})" if len(names) > 1 else f"a tensor {names[0]}_0"
    if not isinstance(initial, tuple | list) or len(initial) != len(names):  # pyright: ignore[reportUnknownArgumentType]
        got = "a single tensor" if isinstance(states, Tensor) else type(states).__name__
        got += f" of {len(states)}" if isinstance(states, tuple | list) else ""
        raise ShapeError(f"expected the initial state as {expected}, got {got}", hint=f"pass {expected}")
    for name, state, shape in zip(names, initial, shapes, strict=True):
        check_tensor(f"{name}_0", state)
        if tuple(state.shape) != shape:
            hint = _layout(state, shape, len(names))
            raise ShapeError(f"Expected hidden {name}_0 size {shape}, got {tuple(state.shape)}", hint=hint)
        check_kind(f"{name}_0", state, weight)
    return list(initial)


def _layout(state: Tensor, shape: tuple[int, ...], states: int) -> str:
    """What may have gone wrong with the shape of an initial state."""
    dims = len(shape)
    if state.dim() != dims:
        both, kind = "hx and cx" if states > 1 else "hx", "batched 3-D" if dims == 3 else "unbatched 2-D"
        return f"for {kind} input, {both} should also be {dims}-D"
    other_batch = dims == 3 and (state.shape[0], state.shape[2]) == (shape[0], shape[2])
    return "check batch_first: the state has another batch size than the input" if other_batch else ""


def check_step_states(states: Any, shapes: Sequence[tuple[int, ...]], cell: str) -> None:
    """Raises ShapeError where a state of one step has not its shape, in torch's words.

    What is no dense tensor, or not one for each state, is left to check_states.
    """
    initial: list[Any] = list(states) if isinstance(states, tuple | list) else [states]  # pyright: ignore[reportUnknownArgumentType]
    count = len(shapes)
    for index, (state, shape) in enumerate(zip(initial, shapes, strict=True) if len(initial) == count else ()):
        if not isinstance(state, Tensor) or not is_dense(state):
            return
        name, dims = "hidden" if len(initial) == 1 else f"hx[{index}]", state.dim()
        if dims not in (1, 2):
            raise ShapeError(f"{cell}: Expected {name} to be 1D or 2D, got {dims}D instead")
        if dims != len(shape):
            raise ShapeError(f"{cell}: Expected {name} to be {len(shape)}D as the input is, got {dims}D instead")
        if state.shape[-1] != shape[-1]:
            raise ShapeError(f"hidden{index} has inconsistent hidden_size: got {state.shape[-1]}, expected {shape[-1]}")
        if state.shape[0] != shape[0]:
            raise ShapeError(f"Input batch size {shape[0]} doesn't match hidden{index} batch size {state.shape[0]}")


def check_kind(name: str, tensor: Tensor, weight: Tensor) -> None:
    """Raises ShapeError where a tensor lies elsewhere than the weights, or is of another dtype."""
    if tensor.device != weight.device:
        raise ShapeError(
            f"{name} is on {tensor.device}, the module on {weight.device}: they are not at the same device"
        )
    if tensor.dtype == weight.dtype:
        return
    if is_active(tensor.device.type) and tensor.dtype.is_floating_point:
        return
    if name == "input" and tensor.dtype.is_floating_point:  # in torch's words
        raise ShapeError(
            f"RNN input dtype ({tensor.dtype}) does not match weight dtype ({weight.dtype}). "
            f"Convert input: input.to({weight.dtype}), or convert model: model.to({tensor.dtype})"
        )
    raise ShapeError(
        f"{name} is {tensor.dtype}, the module's weights are {weight.dtype}",
        hint=f"convert it: {name}.to({weight.dtype})",
    )


def check_weight(name: str, weight: Any, shape: tuple[int, ...], like: Tensor | None = None) -> Tensor:
    """A parameter, which may have been replaced since it was made. Raises ShapeError where it has another shape, or
    another dtype or device than the first weight."""
    if not isinstance(weight, Tensor):
        raise ShapeError(f"{name} is of type {type(weight).__name__}, not a tensor of shape {shape}")
    if tuple(weight.shape) != shape:
        raise ShapeError(f"{name} has shape {tuple(weight.shape)}, expected {shape}")
    if like is not None and (weight.dtype, weight.device) != (like.dtype, like.device):
        raise ShapeError(
            f"{name} is {weight.dtype} on {weight.device}, weight_ih is {like.dtype} on {like.device}",
            hint=f"module.to(device={str(like.device)!r}, dtype={like.dtype})",
        )
    return weight


# Inputs beyond this are computed, but every gate that reads them is likely to sit at one of its ends.
HUGE = 1e6


def check_values(
    x: Tensor, where: Callable[[int], str], running: Callable[[], int | None] = lambda: None, stacklevel: int = 5
) -> None:
    """Raises InputError where a number of the rows (N, I) is NaN or infinite; warns where one is huge.

    where: (row) -> how to say which row it is. running: how many rows count. Only where values are at hand.
    """
    if not is_at_hand(x) or not x.is_floating_point():
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
            f"the input has values up to {size:.0e}: gates that read them are saturated; scale it",
            stacklevel=stacklevel,
        )


def check_memory(
    name: str, count: int, x: Tensor, *, share: float = 1.0, hint: str = "run over chunks of time, passing the state on"
) -> None:
    """Raises InputError where so many numbers do not fit into this machine's memory, or a share of it."""
    memory = memory_beside(x)
    if memory is None:
        return
    needed = count * x.element_size()
    if needed > share * memory:
        machine = "this machine has" if share == 1.0 else f"which is more than {share:.0%} of this machine's"
        raise InputError(f"{name} would take {needed / 2**30:,.0f} GiB, {machine} {memory / 2**30:,.0f} GiB", hint=hint)
