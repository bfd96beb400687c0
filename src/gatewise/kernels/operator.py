"""The operators of torch that run a cell over a sequence: shapes for tracing, gradients, gradients of gradients.

``gatewise::sequence`` is one layer on the driver that accepts it, ``gatewise::sequence_backward`` its gradient.
Arguments are the fields of :class:`.layer.Layer`, with the key of the cell in front. torch.func's transforms cannot see
through the gradients of registered operators, so for them the same rules exist as functions too, :class:`Sequence`;
plain tensors go to the driver directly, which costs less a call.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch._C import _has_storage, _len_torch_dispatch_stack  # pyright: ignore[reportPrivateUsage]
from torch._C._functorch import peek_interpreter_stack  # torch has no public names for these

from ..equation import Cell
from .check import checked, checked_saved
from .choice import accepting
from .driver import Driver
from .layer import Gradients, Layer, Saved, Seeds, States
from .reference import TRAINED, recorded, second_derivatives
from .registry import Registered, cell_of
from .vmap import FIELDS, Call, forward_rule, one_by_one

_LAYER = (
    "Tensor x, Tensor W, Tensor U, Tensor b, Tensor per_unit, Tensor states, Tensor step_noise, "
    "Tensor sequence_noise, Tensor? batch_sizes"
)
_STATES = Layer._fields.index("states")
_SEEDS = "Tensor d_y, Tensor d_last, Tensor? d_histories"


def run_forward(key: str, *arguments: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """y, last states, what is kept of the gates, and histories: see :class:`.layer.States`."""
    *fields, keep = arguments
    cell, layer = cell_of(key), Layer(*fields)
    return tuple(accepting(cell, layer).forward(cell, checked(cell, layer), keep=keep))  # pyright: ignore[reportReturnType]


def run_backward(key: str, *arguments: Any) -> tuple[Tensor, ...]:
    """Gradients of x (of length 0 unless asked for), W, U, b, per_unit and states: see :class:`.layer.Gradients`."""
    cell = cell_of(key)
    return _backward(accepting(cell, Layer(*arguments[:FIELDS])), cell, *arguments)


def _backward(driver: Driver, cell: Cell, *arguments: Any) -> tuple[Tensor, ...]:
    layer = checked(cell, Layer(*arguments[:FIELDS]))
    *tensors, input_gradient = arguments[FIELDS:]
    width = driver.kept_width(cell, layer.units) if driver.traceable else None
    saved, seeds = checked_saved(cell, layer, width, Saved(*tensors[:3]), Seeds(*tensors[3:]))
    return tuple(driver.backward(cell, layer, saved, seeds, input_gradient=input_gradient))


sequence_op = torch.library.custom_op(
    "gatewise::sequence",
    run_forward,
    mutates_args=(),
    schema=f"(str cell, {_LAYER}, bool keep) -> (Tensor, Tensor, Tensor, Tensor)",
)
backward_op = torch.library.custom_op(
    "gatewise::sequence_backward",
    run_backward,
    mutates_args=(),
    schema=f"(str cell, {_LAYER}, Tensor y, Tensor gates, Tensor histories, {_SEEDS}, bool input_gradient) "
    "-> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
)


@sequence_op.register_fake
def _(key: str, *arguments: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    *fields, keep = arguments
    return tuple(_empty_states(cell_of(key), Layer(*fields), keep=keep))  # pyright: ignore[reportReturnType]


def _empty_states(cell: Cell, layer: Layer, *, keep: bool) -> States:
    """Tensors of the shapes that running a layer gives."""
    rows, units = layer.x.shape[0], layer.units
    stored = rows if keep else 0
    return States(
        layer.x.new_empty(rows, units),
        torch.empty_like(layer.states, memory_format=torch.contiguous_format),
        layer.states.new_empty(stored, accepting(cell, layer).kept_width(cell, units)),
        layer.states.new_empty(len(cell.state) - 1, stored, units),
    )


@backward_op.register_fake
def _(cell: str, *arguments: Any) -> tuple[Tensor, ...]:
    x = arguments[0] if arguments[-1] else arguments[0][:0]
    return tuple(torch.empty_like(tensor, memory_format=torch.contiguous_format) for tensor in (x, *arguments[1:6]))


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    cell, *layer, keep = inputs
    y, _, gates, histories = output
    ctx.cell, ctx.keep, ctx.last = cell, keep, output[1].shape
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(gates)
    ctx.save_for_backward(*layer, y, gates, histories)


def _gradient(ctx: Any, *seeds: Any) -> Any:
    return _gradient_through(sequence_op, backward_op, ctx, *seeds)


def _gradient_through(
    forward: Call,
    backward: Call,
    ctx: Any,
    d_y: Tensor | None,
    d_last: Tensor | None,
    _: Any,
    d_histories: Tensor | None,
) -> Any:
    none = (None,) * (FIELDS + 2)
    if d_y is None and d_last is None and d_histories is None:
        return none
    *layer, y, gates, histories = ctx.saved_tensors
    if not ctx.keep:
        y, _, gates, histories = forward(ctx.cell, *layer, True)
    d_y = torch.zeros_like(y) if d_y is None else d_y
    d_last = layer[_STATES].new_zeros(ctx.last) if d_last is None else d_last
    needs_x = ctx.needs_input_grad[1]
    seeds = (d_y, d_last, d_histories)
    d_x, *rest = backward(ctx.cell, *layer, y, gates, histories, *seeds, needs_x)
    return (None, d_x if needs_x else None, *rest, *none[1 + 1 + len(rest) :])


def _save_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    cell, *arguments, ctx.input_gradient = inputs
    ctx.cell = cell
    ctx.save_for_backward(*arguments[:FIELDS], *arguments[FIELDS + 3 :])


@torch.library.custom_op(
    "gatewise::sequence_double_backward",
    mutates_args=(),
    schema=f"(str cell, {_LAYER}, {_SEEDS}, {', '.join(f'Tensor? d_d_{name}' for name in Gradients._fields)}) "
    f"-> ({', '.join(['Tensor'] * (TRAINED + 3))})",  # not a list, which torch's older vmap does not take
)
def double_backward_op(cell: str, *arguments: Any) -> tuple[Tensor, ...]:
    """Gradients of the first six fields and of the seeds, without numbers for a seed that is not given, from those of
    what ``backward_op`` gives.

    Through the reference, whatever ran the layer.
    """
    second = recorded(_second_derivatives, cell_of(cell), *arguments)
    return tuple(tensor.clone(memory_format=torch.contiguous_format) for tensor in second)


def _second_derivatives(cell: Cell, *arguments: Any) -> tuple[Tensor, ...]:
    layer, seeds, weights = arguments[:FIELDS], arguments[FIELDS : FIELDS + 3], arguments[FIELDS + 3 :]
    d_layer, d_seeds = second_derivatives(cell, Layer(*layer), seeds, weights)
    return (*d_layer, *_in_places(d_seeds, seeds))


def _in_places(tensors: Iterable[Tensor], seeds: Iterable[Tensor | None]) -> tuple[Tensor, ...]:
    """One for each seed, of no numbers where it is not given."""
    remaining = iter(tensors)
    return tuple(torch.empty(0) if seed is None else next(remaining) for seed in seeds)


@double_backward_op.register_fake
def _(cell: str, *arguments: Any) -> tuple[Tensor, ...]:
    seeds = arguments[FIELDS : FIELDS + 3]
    like = [*arguments[:TRAINED], *(seed for seed in seeds if seed is not None)]
    empty = [torch.empty_like(tensor, memory_format=torch.contiguous_format) for tensor in like]
    return (*empty[:TRAINED], *_in_places(empty[TRAINED:], seeds))


def _gradient_of_gradient(ctx: Any, *d_gradients: Tensor | None) -> tuple[Any, ...]:
    fields, seeds = ctx.saved_tensors[:FIELDS], ctx.saved_tensors[FIELDS:]
    weights = d_gradients if ctx.input_gradient else (None, *d_gradients[1:])
    if torch.is_grad_enabled():  # to be differentiated once more
        second = _second_derivatives(cell_of(ctx.cell), *fields, *seeds, *weights)
    else:
        second = double_backward_op(ctx.cell, *fields, *seeds, *weights)
    d_seeds = (None if seed is None else d_seed for seed, d_seed in zip(seeds, second[TRAINED:], strict=True))
    return (None, *second[:TRAINED], *(None,) * (FIELDS - TRAINED + 3), *d_seeds, None)


sequence_op.register_autograd(_gradient, setup_context=_save)
backward_op.register_autograd(_gradient_of_gradient, setup_context=_save_backward)


@sequence_op.register_vmap
def _(info: Any, in_dims: Any, *arguments: Any) -> Any:
    return forward_rule(sequence_op)(info, in_dims, *arguments)


@backward_op.register_vmap
def _(info: Any, in_dims: Any, *arguments: Any) -> Any:
    return one_by_one(backward_op, info.batch_size, in_dims, *arguments)


@double_backward_op.register_vmap
def _(info: Any, in_dims: Any, *arguments: Any) -> Any:
    return one_by_one(double_backward_op, info.batch_size, in_dims, *arguments)


_PLAIN = frozenset({Tensor, torch.nn.Parameter})


def is_plain(tensors: Iterable[Any]) -> bool:
    """Whether all are tensors with memory of their own, outside any transform, mode or compilation, so that a driver
    may be called without torch's dispatcher."""
    return (
        not torch.compiler.is_compiling()
        and not peek_interpreter_stack()
        and _len_torch_dispatch_stack() == 0
        and all(tensor is None or (type(tensor) in _PLAIN and _has_storage(tensor)) for tensor in tensors)
    )


class PlainSequence(torch.autograd.Function):
    """``sequence_op`` for plain tensors. Functions that torch.func may transform cost twice as much a call."""

    @staticmethod
    def forward(ctx: Any, registered: Registered, *arguments: Any) -> Any:
        """The driver, and what backward needs of it."""
        (cell, key), (*fields, driver) = registered, arguments
        output = tuple(driver.forward(cell, checked(cell, Layer(*fields)), keep=True))
        _save(ctx, (key, *fields, True), output)
        ctx.driver = driver
        return output

    @staticmethod
    def backward(ctx: Any, *seeds: Any) -> Any:
        """Gradients of all arguments."""
        # what a driver keeps for itself alone is of no use to others, who keep their own
        ctx.keep = ctx.driver.traceable or (not torch.is_grad_enabled() and is_plain(seeds))
        return _gradient_through(sequence_op, partial(_plain_backward, ctx.driver), ctx, *seeds)


def _plain_backward(driver: Driver, key: str, *arguments: Any) -> tuple[Tensor, ...]:
    if torch.is_grad_enabled():
        return SequenceBackward.apply(key, *arguments)
    if is_plain(arguments[:-1]):
        return _backward(driver, cell_of(key), *arguments)
    return backward_op(key, *arguments)


class Sequence(torch.autograd.Function):
    """``sequence_op`` for torch.func's transforms."""

    @staticmethod
    def forward(*arguments: Any) -> Any:
        """The operator itself."""
        return sequence_op(*arguments)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep what backward needs."""
        _save(ctx, inputs, output)

    @staticmethod
    def backward(ctx: Any, *seeds: Any) -> Any:
        """Gradients of all arguments."""
        return _gradient_through(Sequence.apply, SequenceBackward.apply, ctx, *seeds)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *arguments: Any) -> Any:
        """A dimension of inputs at once."""
        return forward_rule(Sequence.apply)(info, in_dims, *arguments)


class SequenceBackward(torch.autograd.Function):
    """``backward_op`` for torch.func's transforms."""

    @staticmethod
    def forward(*arguments: Any) -> Any:
        """The operator itself."""
        return backward_op(*arguments)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep what the gradient of the gradient needs."""
        _save_backward(ctx, inputs, output)

    @staticmethod
    def backward(ctx: Any, *d_gradients: Any) -> Any:
        """Gradients of all arguments."""
        return _gradient_of_gradient(ctx, *d_gradients)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *arguments: Any) -> Any:
        """A dimension of inputs at once."""
        return one_by_one(SequenceBackward.apply, info.batch_size, in_dims, *arguments)
