"""The plain driver: a loop in Python over the step on tensors. Slow, differentiable, and what the others must match."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..equation import Cell, Gate
from .layer import Layer


class States(NamedTuple):
    """y (N, H), the last states (S, B, H), and the history of every state but the output (S - 1, N, H)."""

    y: Tensor
    last: Tensor
    histories: Tensor


def forward(cell: Cell, layer: Layer) -> States:
    """Run the cell over all of time."""
    states: tuple[Tensor, ...] = tuple(layer.states)
    steps: list[tuple[Tensor, ...]] = []
    for rows in layer.slices():
        running = rows.stop - rows.start
        new = one_step(cell, layer, rows, [state[:running] for state in states])
        steps.append(new)
        states = new if running == layer.rows else _joined(new, states)
    if not steps:  # no step, yet a result of the right shape that depends on the weights, for autograd
        steps.append(one_step(cell, layer, slice(0, 0), [state[:0] for state in states]))
    y, *histories = (_padded(torch.cat(history), layer.x.shape[0]) for history in zip(*steps, strict=True))
    return States(y, torch.stack(states), torch.stack(histories) if histories else y.new_empty(0, *y.shape))


def _padded(rows: Tensor, count: int) -> Tensor:
    """The rows, with zeros for those that belong to no sequence."""
    return torch.nn.functional.pad(rows, (0, 0, 0, count - rows.shape[0]))


def _joined(new: tuple[Tensor, ...], old: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The states after a step in which only the first sequences still run."""
    return tuple(torch.cat((a, b[a.shape[0] :])) for a, b in zip(new, old, strict=True))


def times(rows: Tensor, matrix: Tensor) -> Tensor:
    """Rows (N, I) times a matrix (O, I), transposed."""
    return rows @ matrix.t()


def one_step(
    cell: Cell,
    layer: Layer,
    rows: slice,
    states: Sequence[Tensor],
    product: Callable[[Tensor, Tensor], Tensor] = times,
) -> tuple[Tensor, ...]:
    """The step that reads these rows of x: the new states, each (rows, H). product: as :func:`times`."""
    x, units = layer.x[rows], layer.units
    W = _blocks(cell.gates, layer.W, units, lambda gate: gate.has_input)
    U = _blocks(cell.gates, layer.U, units, lambda gate: bool(gate.recurrent))
    b = _blocks(cell.gates, layer.b, units, lambda gate: gate.has_bias)
    arguments: dict[str, Any] = dict(zip(cell.state, states, strict=True))
    arguments |= dict(zip(cell.per_unit, layer.per_unit, strict=True)) | _noise(cell, layer, rows)
    for gate in cell.gates:
        total: Any = product(x, W[gate.name]) if gate.has_input else x.new_zeros(x.shape[0], units)
        if gate.recurrent == "h":
            total = total + product(states[0], U[gate.name])
        if gate.has_bias:
            total = total + b[gate.name]
        fed = gate.recurrent == "step"
        arguments[gate.letter] = _Fed(total, U[gate.name], product) if fed else total
    return cell.new_states(**arguments)


def _noise(cell: Cell, layer: Layer, rows: slice) -> dict[str, Tensor]:
    """The random numbers of one step, by name."""
    running = slice(0, rows.stop - rows.start)
    found: dict[str, Tensor] = {}
    for each, drawn, mine in (("step", layer.step_noise, rows), ("sequence", layer.sequence_noise, running)):
        names = [noise.name for noise in cell.noise if noise.each == each]
        shared = drawn.shape[1] == 1
        found |= {name: draw if shared else draw[mine] for name, draw in zip(names, drawn, strict=True)}
    return found


class _Fed:
    """A gate that the step itself calls with what U is to multiply."""

    def __init__(self, total: Any, U: Tensor, product: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.total, self.U, self.product = total, U, product

    def __call__(self, operand: Tensor) -> Tensor:
        return self.total + self.product(operand, self.U)


def _blocks(gates: tuple[Gate, ...], weight: Tensor, units: int, has: Callable[[Gate], bool]) -> dict[str, Tensor]:
    names = [gate.name for gate in gates if has(gate)]
    return dict(zip(names, weight.split(units), strict=True)) if names else {}
