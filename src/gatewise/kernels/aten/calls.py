"""torch's operators for whole layers, one layer in one direction at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from .padding import Dense, Sizes

_MODES = {"RNN_RELU": 0, "RNN_TANH": 1, "LSTM": 2, "GRU": 3}  # as cuDNN counts them


class Ran(NamedTuple):
    """y: (T, B, H). states: those at the end, (1, B, H) each. kept: what backward reads, as nobody else can read it."""

    y: Tensor
    states: Sequence[Tensor]
    kept: Tensor | None


class Calls(Protocol):
    """One way to torch's kernels."""

    def padded(self, mode: str, sizes: Sizes, dtype: torch.dtype) -> Sizes:
        """The sizes at which its kernels are fastest."""
        ...

    def forward(self, mode: str, dense: Dense, *, keep: bool) -> Ran:
        """Run a layer; ``keep`` what backward reads."""
        ...

    def backward(
        self, mode: str, dense: Dense, y: Tensor, kept: Tensor | None, d_y: Tensor, d_states: Sequence[Tensor]
    ) -> Dense:
        """Gradients of all in ``dense``. y, kept: as forward gave them, y with any numbers where no sequence runs."""
        ...


class Composite:
    """``torch.ops.aten.lstm`` and the like, differentiated by torch. Backward runs forward again."""

    def padded(self, mode: str, sizes: Sizes, dtype: torch.dtype) -> Sizes:
        """As they are."""
        return sizes

    def forward(self, mode: str, dense: Dense, *, keep: bool) -> Ran:
        """Nothing is kept."""
        with torch.no_grad():
            y, *states = self._run(mode, dense)
        return Ran(y, states, None)

    def backward(
        self, mode: str, dense: Dense, y: Tensor, kept: Tensor | None, d_y: Tensor, d_states: Sequence[Tensor]
    ) -> Dense:
        """By torch's own gradients."""
        x, weights, states = dense
        with torch.enable_grad():
            leaves = [tensor.detach().requires_grad_() for tensor in (x, *weights, *states)]
            outputs = self._run(mode, Dense(leaves[0], leaves[1:5], leaves[5:]))
            d_x, *others = torch.autograd.grad(outputs, leaves, (d_y, *d_states))
        return Dense(d_x, others[:4], others[4:])

    def _run(self, mode: str, dense: Dense) -> Sequence[Tensor]:
        operator: Any = getattr(torch.ops.aten, mode.lower()).input
        x, weights, states = dense
        hx = list(states) if mode == "LSTM" else states[0]
        # train=True where there are gradients at all: it only decides what is kept, since there is no dropout
        return operator(x, hx, list(weights), True, 1, 0.0, torch.is_grad_enabled(), False, False)


class Cudnn:
    """cuDNN's layers, by the operators through which torch calls them.

    These take weights that lie anywhere and put them side by side on their own, as large a copy as one step reads. What
    backward needs is kept whenever it is asked for, so that gradients can be taken in evaluation mode; it is copied for
    every backward pass, which overwrites it.

    forward_op, backward_op, flatten_op: torch's.
    """

    SCHEMAS = (
        "aten::_cudnn_rnn(Tensor input, Tensor[] weight, int weight_stride0, Tensor? weight_buf, Tensor hx, Tensor? cx,"
        " int mode, SymInt hidden_size, SymInt proj_size, int num_layers, bool batch_first, float dropout, bool train, "
        "bool bidirectional, SymInt[] batch_sizes, Tensor? dropout_state) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
        "aten::_cudnn_rnn_backward(Tensor input, Tensor[] weight, int weight_stride0, Tensor weight_buf, Tensor hx, "
        "Tensor? cx, Tensor output, Tensor? grad_output, Tensor? grad_hy, Tensor? grad_cy, int mode, SymInt "
        "hidden_size, SymInt proj_size, int num_layers, bool batch_first, float dropout, bool train, bool "
        "bidirectional, SymInt[] batch_sizes, Tensor? dropout_state, Tensor reserve, bool[4] output_mask) -> "
        "(Tensor, Tensor, Tensor, Tensor[])",
        "aten::_cudnn_rnn_flatten_weight(Tensor[] weight_arr, int weight_stride0, SymInt input_size, int mode, SymInt "
        "hidden_size, SymInt proj_size, int num_layers, bool batch_first, bool bidirectional) -> Tensor",
    )
    """Of the operators that this was written for, which are not torch's public ones."""

    def __init__(self) -> None:
        aten: Any = torch.ops.aten
        self.forward_op: Any = aten._cudnn_rnn
        self.backward_op: Any = aten._cudnn_rnn_backward
        self.flatten_op: Any = aten._cudnn_rnn_flatten_weight

    @property
    def is_known(self) -> bool:
        """Whether torch has these operators as they are called here."""
        operators = (self.forward_op, self.backward_op, self.flatten_op)
        return tuple(str(operator.default._schema) for operator in operators) == self.SCHEMAS

    def padded(self, mode: str, sizes: Sizes, dtype: torch.dtype) -> Sizes:
        """Up to the sizes of cuDNN's persistent LSTM, where that is at most a quarter more of each.

        It takes half precision alone, up to 1024 units, and multiples of 128 units and inputs and of 8 rows: see
        ``get_algo`` in torch's ``aten/src/ATen/native/cudnn/RNN.cpp``.
        """
        wider = Sizes(_up(sizes.rows, 8), _up(sizes.inputs, 128), _up(sizes.units, 128))
        persistent = mode == "LSTM" and dtype == torch.float16 and wider.units <= 1024 and wider.rows <= 128
        near = all(4 * wide <= 5 * own for wide, own in zip(wider, sizes, strict=True))
        return wider if persistent and near else sizes

    def forward(self, mode: str, dense: Dense, *, keep: bool) -> Ran:
        """By ``_cudnn_rnn``."""
        x, weights, states = dense
        with torch.no_grad():
            y, h, c, reserve, _ = self.forward_op(
                x, list(weights), 4, None, *_given(states), *_layer(mode, states), keep, False, [], None
            )
        return Ran(y, [h, c][: len(states)], reserve if keep else None)

    def backward(
        self, mode: str, dense: Dense, y: Tensor, kept: Tensor | None, d_y: Tensor, d_states: Sequence[Tensor]
    ) -> Dense:
        """By ``_cudnn_rnn_backward``."""
        assert kept is not None
        x, weights, states = dense
        layer = _layer(mode, states)
        number, units, *rest = layer
        with torch.no_grad():
            copies = [weight.clone() for weight in weights]  # flattening moves what it is given
            flat = self.flatten_op(copies, 4, x.shape[2], number, units, *rest[:3], False)
            d_x, d_h, d_c, d_weights = self.backward_op(
                *(x, copies, 4, flat, *_given(states), y, d_y, *_given(d_states)),
                *(*layer, True, False, [], None, kept.clone(), [True] * 4),
            )
        return Dense(d_x, d_weights, [d_h, d_c][: len(states)])


def _given(states: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
    """The output, and the memory where there is one."""
    return states[0], states[1] if len(states) > 1 else None


def _layer(mode: str, states: Sequence[Tensor]) -> tuple[int, int, int, int, bool, float]:
    """Mode, H, no projection, one layer, time first, no dropout."""
    return _MODES[mode], states[0].shape[2], 0, 1, False, 0.0


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
