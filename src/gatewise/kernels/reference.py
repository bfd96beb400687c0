"""The plain driver: a loop in Python over the step on tensors. Slow, differentiable, and what the others must match."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..equation import Cell, Gate
from .layer import Layer


def forward(cell: Cell, layer: Layer) -> tuple[Tensor, Tensor]:
    """Run the cell over all of time: y (T, B, H) and the last states (S, B, H)."""
    states: tuple[Any, ...] = tuple(layer.states)
    order = range(len(layer.x))
    outputs: list[Tensor] = []
    for step in reversed(order) if layer.reverse else order:
        states = one_step(cell, layer, layer.x[step], states)
        outputs.append(states[0])
    if layer.reverse:
        outputs.reverse()
    empty = layer.states.new_empty(0, *layer.states.shape[1:])
    return torch.stack(outputs) if outputs else empty, torch.stack(states)


def one_step(cell: Cell, layer: Layer, x: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """One step for an input (B, I): the new states, each (B, H)."""
    units = layer.states.shape[2]
    W = _rows(cell.gates, layer.W, units, lambda gate: gate.has_input)
    U = _rows(cell.gates, layer.U, units, lambda gate: bool(gate.recurrent))
    b = _rows(cell.gates, layer.b, units, lambda gate: gate.has_bias)
    arguments: dict[str, Any] = dict(zip(cell.state, states, strict=True))
    arguments |= dict(zip(cell.per_unit, layer.per_unit, strict=True))
    for gate in cell.gates:
        total: Any = x @ W[gate.name].t() if gate.has_input else 0.0
        if gate.recurrent == "h":
            total = total + states[0] @ U[gate.name].t()
        if gate.has_bias:
            total = total + b[gate.name]
        fed = gate.recurrent == "step"
        arguments[gate.letter] = _Fed(total, U[gate.name]) if fed else total
    return cell.new_states(**arguments)


class _Fed:
    """A gate that the step itself calls with what U is to multiply."""

    def __init__(self, total: Any, U: Tensor) -> None:
        self.total, self.U = total, U

    def __call__(self, operand: Tensor) -> Tensor:
        return self.total + operand @ self.U.t()


def _rows(gates: tuple[Gate, ...], weight: Tensor, units: int, has: Callable[[Gate], bool]) -> dict[str, Tensor]:
    names = [gate.name for gate in gates if has(gate)]
    return dict(zip(names, weight.split(units), strict=True)) if names else {}
