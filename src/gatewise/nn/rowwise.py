"""Maps run by the kernels that run cells: each row's bits are its own, whatever else is in the batch, so that a stream
of single steps gives what whole sequences give."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from ..compiler.lower import program_of
from ..compiler.stages import INPUT
from ..equation import Cell, previous
from ..kernels.choice import keeps_bits
from ..kernels.dispatch import sequence
from ..kernels.layer import Layer
from ..kernels.reference import one_step, times
from ..kernels.registry import Registered, register
from .by_torch import asked_for
from .check import is_active
from .maps import linear

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


def times_projection(rows: Tensor, projection: Tensor) -> Tensor:
    """Rows (N, H) times a matrix (P, H), transposed."""
    if not by_kernels(linear, rows):
        return times(rows, projection)
    return sequence(_LINEAR, Affine(projection).layer(rows)).y


def step(cell: Cell, layer: Layer, rows: slice, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """A step apart from the others, as :func:`gatewise.kernels.reference.one_step`."""
    return one_step(cell, layer, rows, [state.contiguous() for state in states], times_projection)


def normalised(norm: Any, rows: Tensor, registered: Registered) -> Tensor:
    """A ``nn.LayerNorm`` of rows (N, I), in their dtype, which may be wider than that of the weights.

    registered: its cell, which cannot be looked up inside torch.compile.
    """
    weight, bias = norm.weight.to(rows.dtype), norm.bias.to(rows.dtype)
    if by_kernels(registered.cell, rows):
        return sequence(registered, gateless_layer(rows[None], [weight, bias])).y
    return nn.functional.layer_norm(rows, norm.normalized_shape, weight, bias, norm.eps)


@dataclass(frozen=True)
class Affine:
    """``y = W x + b`` for each row. weight: (O, I). bias: (O,), or None for zeros."""

    weight: Tensor
    bias: Tensor | None = None

    @property
    def changes(self) -> bool:
        """Whether a row comes out otherwise than it went in."""
        return True

    @property
    def cell(self) -> Cell:
        """The cell that does this."""
        return linear

    @property
    def reads(self) -> str:
        """What of the cell a row is."""
        return INPUT

    def layer(self, rows: Tensor) -> Layer:
        """One step of the cell for all rows (N, I) at once, as kernels take it."""
        nothing, units = rows.new_empty(0), len(self.weight)
        start, noise = rows.new_zeros(1, rows.shape[0], units), rows.new_empty(0, 1, units)
        wide, bias = nothing.reshape(0, units), rows.new_zeros(units) if self.bias is None else self.bias
        return Layer(rows, self.weight, wide, bias, wide, start, noise, noise, None)


@dataclass(frozen=True)
class Gateless:
    """What a cell without gates makes of each row, its state. vectors: the weights per unit by name, (I,) each."""

    cell: Cell
    vectors: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])

    @property
    def changes(self) -> bool:
        """Whether a row comes out otherwise than it went in."""
        return bool(program_of(self.cell).body)

    @property
    def reads(self) -> str:
        """What of the cell a row is."""
        return previous(self.cell.state[0])

    def layer(self, rows: Tensor) -> Layer:
        """One step of the cell for all rows (N, I) at once, as kernels take it."""
        return gateless_layer(rows[None], [vector.to(rows) for vector in self.vectors.values()])


Rowwise: TypeAlias = Affine | Gateless
"""What treats each row by itself."""


def gateless_layer(states: Tensor, vectors: list[Tensor]) -> Layer:
    """One step of a cell without gates, from states (S, N, H)."""
    _, rows, units = states.shape
    nothing, noise = states.new_empty(0), states.new_empty(0, 1, units)
    wide, x = nothing.reshape(0, units), states.new_empty(rows, 0)
    per_unit = torch.stack(vectors) if vectors else wide
    return Layer(x, states.new_empty(0, 0), wide, nothing, per_unit, states, noise, noise, None)


def by_kernels(cell: Cell, x: Tensor) -> bool:
    """Whether a driver runs the cell on rows like these and keeps the bits of each."""
    if not torch.compiler.is_compiling() and _VISIBLE.get():  # a graph knows no context variables
        return False
    return keeps_bits(cell, x) and not is_active(x.device.type) and not asked_for(x, None)
