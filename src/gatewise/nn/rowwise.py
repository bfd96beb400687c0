"""Maps run by the kernels that run cells: each row's bits are its own, whatever else is in the batch, so that a stream
of single steps gives what whole sequences give."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from ..compiler.lower import program_of
from ..equation import Cell
from ..kernels.choice import keeps_bits
from ..kernels.dispatch import sequence
from ..kernels.layer import Layer
from ..kernels.reference import one_step, times
from ..kernels.registry import Registered, register
from .check import is_active
from .maps import cell_of_map, linear, vectors_of_map

_LINEAR = register(linear)
_VISIBLE: ContextVar[bool] = ContextVar("maps run by torch's own operations", default=False)


@contextmanager
def visibly() -> Generator[None]:
    """While it lasts, maps run by torch's own operations, which a mode of torch sees; the last bits may differ."""
    before = _VISIBLE.set(True)
    try:
        yield
    finally:
        _VISIBLE.reset(before)


def apply(module: nn.Module, x: Tensor) -> Tensor:
    """A linear layer or a map of :data:`.maps.MAPS`, (..., I) to (..., O).

    By torch's own operations where no driver keeps the bits of rows (other devices, half precision), under autocast and
    torch.compile, and for what is random.
    """
    if not _is_ours(module, x):
        return module(x)
    rows = x.reshape(-1, x.shape[-1])
    cell, layer = bound(module, rows)
    return sequence(register(cell), layer).y.reshape(*x.shape[:-1], -1)


def times_projection(rows: Tensor, projection: Tensor) -> Tensor:
    """Rows (N, H) times a matrix (P, H), transposed."""
    if not _by_kernels(linear, rows):
        return times(rows, projection)
    return sequence(_LINEAR, linear_layer(projection, None, rows)).y


def step(cell: Cell, layer: Layer, rows: slice, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """A step apart from the others, as :func:`gatewise.kernels.reference.one_step`."""
    return one_step(cell, layer, rows, [state.contiguous() for state in states], times_projection)


def normalised(norm: Any, rows: Tensor, registered: Registered) -> Tensor:
    """A ``nn.LayerNorm`` of rows (N, I), in their dtype, which may be wider than that of the weights.

    registered: its cell, which cannot be looked up inside torch.compile.
    """
    weight, bias = norm.weight.to(rows.dtype), norm.bias.to(rows.dtype)
    if _by_kernels(registered.cell, rows):
        return sequence(registered, gateless_layer(rows[None], [weight, bias])).y
    return nn.functional.layer_norm(rows, norm.normalized_shape, weight, bias, norm.eps)


def bound(module: nn.Module, rows: Tensor) -> tuple[Cell, Layer]:
    """The cell that does what the module does, and one step of it for all rows (N, I) at once, as kernels take it."""
    if isinstance(module, nn.Linear):
        bias: Tensor | None = module.bias
        return linear, linear_layer(module.weight, bias, rows)
    vectors = [vector.to(rows) for vector in vectors_of_map(module).values()]
    return cell_of_map(module), gateless_layer(rows[None], vectors)


def linear_layer(weight: Tensor, bias: Tensor | None, rows: Tensor) -> Layer:
    """One step of a linear layer, (O, I) and (O,)."""
    nothing, units = rows.new_empty(0), len(weight)
    start, noise = rows.new_zeros(1, len(rows), units), rows.new_empty(0, 1, units)
    wide, bias = nothing.reshape(0, units), rows.new_zeros(units) if bias is None else bias
    return Layer(rows, weight, wide, bias, wide, start, noise, noise, None)


def gateless_layer(states: Tensor, vectors: list[Tensor]) -> Layer:
    """One step of a cell without gates, from states (S, N, H)."""
    _, rows, units = states.shape
    nothing, noise = states.new_empty(0), states.new_empty(0, 1, units)
    wide, x = nothing.reshape(0, units), states.new_empty(rows, 0)
    per_unit = torch.stack(vectors) if vectors else wide
    return Layer(x, states.new_empty(0, 0), wide, nothing, per_unit, states, noise, noise, None)


def _by_kernels(cell: Cell, x: Tensor) -> bool:
    if not torch.compiler.is_compiling() and _VISIBLE.get():  # a graph knows no context variables
        return False
    return keeps_bits(cell, x) and not is_active(x.device.type)


def _is_ours(module: nn.Module, x: Tensor) -> bool:
    if torch.compiler.is_compiling():
        return False  # a cell that is met inside a graph for the first time cannot be registered there
    if isinstance(module, nn.LayerNorm) and len(module.normalized_shape) != 1:
        return False
    cell = linear if isinstance(module, nn.Linear) else cell_of_map(module)
    changes = cell is linear or bool(program_of(cell).body)
    return (
        changes
        and _by_kernels(cell, x)
        and all(tensor.dtype == x.dtype for tensor in (*module.parameters(), *module.buffers()))
    )
