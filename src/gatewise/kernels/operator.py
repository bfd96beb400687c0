"""The operators of torch that run a cell over a sequence: shapes for tracing, gradients, gradients of gradients.

``gatewise::sequence`` is one layer on the fused driver, ``gatewise::sequence_backward`` its gradient. Arguments are the
fields of :class:`.layer.Layer`, with the key of the cell in front. Their rules for vmap are in batching.py.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..equation import Cell
from . import reference
from .check import checked, checked_saved
from .cpu import sweeps
from .cpu.threads import after_fork
from .layer import Kept, Layer, Saved, Seeds
from .registry import cell_of

FIELDS = len(Layer._fields)
_LAYER = (
    "Tensor x, Tensor W, Tensor U, Tensor b, Tensor per_unit, Tensor states, Tensor step_noise, "
    "Tensor sequence_noise, Tensor? batch_sizes"
)
_SEEDS = "Tensor d_y, Tensor d_last, Tensor? d_histories"


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
    schema=f"(str cell, {_LAYER}, Tensor y, Tensor preactivations, Tensor histories, {_SEEDS}, bool input_gradient) "
    "-> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def backward_op(cell: str, *arguments: Any) -> tuple[Tensor, ...]:
    """Gradients of x (of length 0 unless asked for), W, U, b, per_unit and states: see :class:`.layer.Gradients`."""
    found = cell_of(cell)
    *tensors, input_gradient = arguments
    with after_fork():
        layer = checked(found, Layer(*tensors[:FIELDS]))
        saved, seeds = Saved(*tensors[FIELDS : FIELDS + 3]), Seeds(*tensors[FIELDS + 3 :])
        saved, seeds = checked_saved(found, layer, saved, seeds)
        return tuple(sweeps.backward(found, layer, saved, seeds, input_gradient=input_gradient))


@sequence_op.register_fake
def _(cell: str, *arguments: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    *layer, keep = arguments
    return tuple(empty_kept(cell_of(cell), Layer(*layer), keep=keep))  # pyright: ignore[reportReturnType]


def empty_kept(cell: Cell, layer: Layer, *, keep: bool) -> Kept:
    """Tensors of the shapes that a forward sweep gives."""
    rows, units = layer.x.shape[0], layer.units
    stored = rows if keep else 0
    return Kept(
        layer.x.new_empty(rows, units),
        torch.empty_like(layer.states, memory_format=torch.contiguous_format),
        layer.x.new_empty(stored, len(cell.gates), units),
        layer.x.new_empty(len(cell.state) - 1, stored, units),
    )


@backward_op.register_fake
def _(cell: str, *arguments: Any) -> tuple[Tensor, ...]:
    x = arguments[0] if arguments[-1] else arguments[0][:0]
    return tuple(torch.empty_like(tensor, memory_format=torch.contiguous_format) for tensor in (x, *arguments[1:6]))


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    cell, *layer, keep = inputs
    y, _, preactivations, histories = output
    ctx.cell, ctx.keep, ctx.last = cell, keep, output[1].shape
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(preactivations)
    ctx.save_for_backward(*layer, y, preactivations, histories)


def _gradient(ctx: Any, d_y: Tensor | None, d_last: Tensor | None, _: Any, d_histories: Tensor | None) -> Any:
    none = (None,) * (FIELDS + 2)
    if d_y is None and d_last is None and d_histories is None:
        return none
    *layer, y, preactivations, histories = ctx.saved_tensors
    if not ctx.keep:
        y, _, preactivations, histories = sequence_op(ctx.cell, *layer, True)
    d_y = torch.zeros_like(y) if d_y is None else d_y
    d_last = y.new_zeros(ctx.last) if d_last is None else d_last
    needs_x = ctx.needs_input_grad[1]
    seeds = (d_y, d_last, d_histories)
    d_x, *rest = backward_op(ctx.cell, *layer, y, preactivations, histories, *seeds, needs_x)
    return (None, d_x if needs_x else None, *rest, *none[1 + 1 + len(rest) :])


def _save_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    cell, *arguments, ctx.input_gradient = inputs
    ctx.cell = cell
    ctx.save_for_backward(*arguments[:FIELDS], *arguments[FIELDS + 3 :])


def _gradient_of_gradient(ctx: Any, *d_gradients: Tensor | None) -> tuple[Any, ...]:
    """Through the plain driver, which torch can differentiate as often as it likes."""
    fields, seeds = ctx.saved_tensors[:FIELDS], ctx.saved_tensors[FIELDS:]
    with torch.enable_grad():
        tensors = [tensor.detach().requires_grad_() for tensor in fields[:6]]
        leaves = [*tensors, *(seed.detach().requires_grad_() for seed in seeds if seed is not None)]
        states = reference.forward(cell_of(ctx.cell), Layer(*tensors, *fields[6:]))
        pairs = [(state, seed) for state, seed in zip(states, leaves[6:], strict=False)]
        first = torch.autograd.grad(
            [state for state, _ in pairs],
            tensors,
            [seed for _, seed in pairs],
            create_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
        given = d_gradients if ctx.input_gradient else (None, *d_gradients[1:])
        weighted = [(g, d) for g, d in zip(first, given, strict=True) if d is not None and g.requires_grad]
        second = torch.autograd.grad(
            [g for g, _ in weighted], leaves, [d for _, d in weighted], allow_unused=True, materialize_grads=True
        )
    d_seeds = (*second[6:], *(None for seed in seeds if seed is None))
    return (None, *second[:6], *(None,) * (FIELDS - 6 + 3), *d_seeds, None)


sequence_op.register_autograd(_gradient, setup_context=_save)
backward_op.register_autograd(_gradient_of_gradient, setup_context=_save_backward)
