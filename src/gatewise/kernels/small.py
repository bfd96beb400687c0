"""Layers too small for what a general call costs: how a driver runs one whole, and when it may be asked to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import torch
from torch import Tensor
from torch._C import _has_storage, _is_tracing, _len_torch_dispatch_stack  # pyright: ignore[reportPrivateUsage]
from torch._C._dynamo.guards import TensorGuards
from torch._C._functorch import peek_interpreter_stack  # torch has no public names for these
from torch.autograd import forward_ad

_LOADED_IN = os.getpid()


def is_forked() -> bool:
    """Whether this process was forked after torch's threads were there, which stayed with the parent: whatever waits
    for them waits for ever."""
    return os.getpid() != _LOADED_IN


def usable_threads() -> int:
    """How many threads a call may use."""
    return 1 if is_forked() else torch.get_num_threads()


class LayerSize(NamedTuple):
    """T steps of B sequences, I inputs, H units."""

    steps: int
    rows: int
    inputs: int
    units: int

    @property
    def all_rows(self) -> int:
        """N: one for every step of every sequence."""
        return self.steps * self.rows


Biases: TypeAlias = tuple[tuple[tuple[int, int], ...], ...]
"""For each gate with a bias the parts that add up to it: in which tensor, ``bias_ih`` (0) or ``bias_hh`` (1), and from
which element on."""


class Script(Protocol):
    """One pass of a layer at one size, which lacks nothing but the addresses of its tensors."""

    def play(self, arguments: Sequence[int]) -> bool:
        """Play it with the addresses of its arguments.

        Returns whether the input has a value that is not finite, or larger than the limit it was made with; what was
        computed is there all the same.
        """
        ...


class Passes(Protocol):
    """What a driver has for small layers of one cell: scripts of their passes.

    Arguments are contiguous tensors, in this order: x (N, I), in more columns what the step reads itself; W, U,
    bias_ih, bias_hh (any address where there are none), weights per unit (H,) and initial states (B, H) each; of a cell
    that draws random numbers, those of each step (K, N, H) and of each sequence (K, B, H), or outside training the
    means of both, (K, 1, H). What follows says each of them.
    """

    def forward(
        self, size: LayerSize, biases: Biases, *, keep: bool, separate: bool, training: bool, limit: float
    ) -> Script | None:
        """Then what it writes: y (N, H), last states (B, H) each, and with ``keep`` the memory that backward reads.
        None where a general call is for it.

        separate: the last state of the output too, which y ends with. limit: of input values, see :class:`Script`.
        """
        ...

    def backward(
        self, size: LayerSize, biases: Biases, *, separate: bool, training: bool, input_gradient: bool
    ) -> Script:
        """Then y, what forward kept, and gradients of y and of the last states. Then what it writes: gradients of x
        with ``input_gradient``, W, U, biases, weights per unit and initial states. With one step y is not read."""
        ...

    def memory(self, size: LayerSize, like: Tensor) -> Tensor:
        """For what forward keeps."""
        ...


TENSORS = frozenset({Tensor, torch.nn.Parameter})
"""Types of tensors that are nothing else besides."""


def is_dense(tensor: Tensor) -> bool:
    """Whether it is neither sparse nor nested: a guard asks for strides, where torch ends the process without any."""
    return tensor.layout is torch.strided and not tensor.is_nested


def is_bare(tensor: Tensor, dtype: torch.dtype) -> bool:
    """Whether a tensor is nothing but numbers of the dtype, one behind the other, in memory of this process."""
    return (
        type(tensor) in TENSORS
        and tensor.dtype is dtype
        and tensor.is_cpu
        and _has_storage(tensor)  # a tensor that stands for others has none
        and tensor.is_contiguous()
        and not tensor.is_neg()
        and not tensor._is_zerotensor()  # pyright: ignore[reportPrivateUsage] - torch has no public name for it
        and tensor.data_ptr() != 0  # as of freed memory, and without elements
    )


def is_bare_or_empty(tensor: Tensor, dtype: torch.dtype) -> bool:
    """The same, or a tensor without elements, such as U of a cell no gate of which has one."""
    if type(tensor) in TENSORS and tensor.dtype is dtype and tensor.is_cpu and _has_storage(tensor):
        return tensor.numel() == 0 or is_bare(tensor, dtype)
    return False


def is_whole(tensor: Tensor) -> bool:
    """Whether a bare tensor has memory for all of its elements: its storage may have been made shorter."""
    beside = tensor.untyped_storage().nbytes() - tensor.nbytes
    return beside == 0 or beside >= tensor.storage_offset() * tensor.itemsize


class Guard:
    """Whether tensors are like these: of the same types, dtypes, devices, shapes, strides and ways to learn, and none
    of them twice. torch.compile's own check, which takes a fraction of a microsecond for all of them."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        sizes, strides = ([list(form(tensor)) for tensor in tensors] for form in (Tensor.size, Tensor.stride))
        known: dict[str, Any] = {"dynamic_dims_sizes": sizes, "dynamic_dims_strides": strides}
        self._check = TensorGuards(*tensors, **known).check

    def __call__(self, tensors: Sequence[Tensor | None]) -> bool:
        """Whether these are."""
        return self._check(*tensors)


def is_ordinary_call() -> bool:
    """Whether torch does nothing now but compute: no tracing, transform, mode, autocast or forward differentiation."""
    return (
        not torch.compiler.is_compiling()
        and not peek_interpreter_stack()
        and _len_torch_dispatch_stack() == 0
        and not _is_tracing()
        and not torch.is_autocast_enabled("cpu")
        and getattr(forward_ad, "_current_level", -1) < 0
    )
