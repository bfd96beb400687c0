"""The operators of torch that run a cell over a sequence: shapes for tracing, gradients, gradients of gradients.

``gatewise::sequence`` is one layer in one direction on the fused driver, ``gatewise::sequence_backward`` its gradient.
Arguments are the fields of :class:`.layer.Layer`, with the key of the cell in front.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..equation import Cell
from . import reference
from .check import checked, checked_kept
from .cpu import sweeps
from .cpu.threads import after_fork
from .layer import Kept, Layer
from .registry import cell_of

_LAYER = "Tensor x, Tensor W, Tensor U, Tensor b, Tensor per_unit, Tensor states, bool reverse"


@torch.library.custom_op(
    "gatewise::sequence",
    mutates_args=(),
    schema=f"(str cell, {_LAYER}, bool keep) -> (Tensor, Tensor, Tensor, Tensor)",
)
def sequence_op(cell: str, *arguments: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """y, last states, pre-activations and histories: see :class:`.layer.Kept`."""
    *layer, keep = arguments
    found = cell_of(cell)
    with after_fork():
        return tuple(sweeps.forward(found, checked(found, Layer(*layer)), keep=keep))  # pyright: ignore[reportReturnType]


@torch.library.custom_op(
    "gatewise::sequence_backward",
    mutates_args=(),
    schema=f"(str cell, {_LAYER}, Tensor y, Tensor last, Tensor preactivations, Tensor histories, Tensor d_y, "
    "Tensor d_last, bool input_gradient) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def backward_op(cell: str, *arguments: Any) -> tuple[Tensor, ...]:
    """Gradients of x (of length 0 unless asked for), W, U, b, per_unit and states: see :class:`.layer.Gradients`."""
    found = cell_of(cell)
    *tensors, input_gradient = arguments
    with after_fork():
        layer = checked(found, Layer(*tensors[:7]))
        kept = checked_kept(found, layer, Kept(*tensors[7:11]), *tensors[11:])
        return tuple(sweeps.backward(found, layer, *kept, input_gradient=input_gradient))


@sequence_op.register_fake
def _(cell: str, *arguments: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    *layer, keep = arguments
    return tuple(empty_kept(cell_of(cell), Layer(*layer), keep=keep))  # pyright: ignore[reportReturnType]


def empty_kept(cell: Cell, layer: Layer, *, keep: bool) -> Kept:
    """Tensors of the shapes that a forward sweep gives."""
    (steps, rows, _), units = layer.x.shape, layer.states.shape[2]
    stored = steps if keep else 0
    return Kept(
        layer.x.new_empty(steps, rows, units),
        torch.empty_like(layer.states),
        layer.x.new_empty(stored, rows, len(cell.gates), units),
        layer.x.new_empty(len(cell.state) - 1, stored, rows, units),
    )


@backward_op.register_fake
def _(cell: str, *arguments: Any) -> tuple[Tensor, ...]:
    x = arguments[0] if arguments[-1] else arguments[0][:0]
    return tuple(torch.empty_like(tensor) for tensor in (x, *arguments[1:6]))


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    cell, *layer, keep = inputs
    ctx.cell, ctx.reverse, ctx.keep = cell, layer[-1], keep
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(*output[2:])
    ctx.save_for_backward(*layer[:-1], *output)


def _gradient(ctx: Any, d_y: Tensor | None, d_last: Tensor | None, *_: Any) -> tuple[Any, ...]:
    if d_y is None and d_last is None:
        return (None,) * 9
    x, W, U, b, per_unit, states, *kept = ctx.saved_tensors
    layer = (x, W, U, b, per_unit, states, ctx.reverse)
    if not ctx.keep:
        kept = sequence_op(ctx.cell, *layer, True)
    d_y = torch.zeros_like(kept[0]) if d_y is None else d_y
    d_last = torch.zeros_like(kept[1]) if d_last is None else d_last
    needs_x = ctx.needs_input_grad[1]
    d_x, *rest = backward_op(ctx.cell, *layer, *kept, d_y, d_last, needs_x)
    return (None, d_x if needs_x else None, *rest, None, None)


def _save_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    cell, *arguments, ctx.input_gradient = inputs
    ctx.cell, ctx.reverse = cell, arguments[6]
    ctx.save_for_backward(*arguments[:6], *arguments[11:])


def _gradient_of_gradient(ctx: Any, *d_gradients: Tensor | None) -> tuple[Any, ...]:
    """Through the plain driver, which torch can differentiate as often as it likes."""
    with torch.enable_grad():
        leaves = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
        *tensors, d_y, d_last = leaves
        y, last = reference.forward(cell_of(ctx.cell), Layer(*[*tensors, ctx.reverse]))
        first = torch.autograd.grad(
            (y, last), tensors, (d_y, d_last), create_graph=True, allow_unused=True, materialize_grads=True
        )
        given = d_gradients if ctx.input_gradient else (None, *d_gradients[1:])
        weighted = [(g, d) for g, d in zip(first, given, strict=True) if d is not None and g.requires_grad]
        second = torch.autograd.grad(
            [g for g, _ in weighted], leaves, [d for _, d in weighted], allow_unused=True, materialize_grads=True
        )
    *d_layer, d_d_y, d_d_last = second
    return (None, *d_layer, None, None, None, None, None, d_d_y, d_d_last, None)


sequence_op.register_autograd(_gradient, setup_context=_save)
backward_op.register_autograd(_gradient_of_gradient, setup_context=_save_backward)
