"""Gradients that sum over time and batch: a few large products once the backward sweep has left d_gates.

d_gates: gradients of all pre-activations, (T, B, G, H). Gates that stand next to each other and multiply the same
thing share one product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby

import torch
from torch import Tensor

from ...compiler.lower import program_of
from ...equation import Cell, Gate
from ..layer import Layer


def of_input(gates: tuple[Gate, ...], layer: Layer, d_gates: Tensor) -> Tensor:
    """The gradient of x, (T, B, I)."""
    parts = zip(_runs(gates, lambda gate: gate.has_input), _blocks(gates, lambda g: g.has_input, layer.W), strict=True)
    d_x = [d_gates[:, :, run].flatten(2) @ weight for run, weight in parts]
    return _total(d_x, layer.x)


def of_first_state(gates: tuple[Gate, ...], layer: Layer, d_gates: Tensor) -> Tensor:
    """What the recurrent products of the first step add to the gradient of the first initial state, (B, H)."""
    first = d_gates[-1 if layer.reverse else 0]
    weights = _blocks(gates, lambda gate: gate.recurrent, layer.U)
    runs = _runs(gates, lambda gate: gate.recurrent)
    kinds = [gates[run.start].recurrent for run in runs]
    parts = [first[:, run].flatten(1) @ U for run, U, kind in zip(runs, weights, kinds, strict=True) if kind == "h"]
    return _total(parts, layer.states[0])


def of_input_weights(gates: tuple[Gate, ...], layer: Layer, d_gates: Tensor) -> Tensor:
    """The gradient of W."""
    return _joined([_outer(d_gates[:, :, run], layer.x) for run in _runs(gates, lambda g: g.has_input)], layer.W)


def of_recurrent_weights(cell: Cell, layer: Layer, y: Tensor, d_gates: Tensor, inner: Mapping[str, Tensor]) -> Tensor:
    """The gradient of U. inner: what steps multiplied with U inside themselves, by name, each (T, B, H)."""
    products = {i.name: i.args[0] for i in program_of(cell).body if i.op == "product"}
    earlier, later = (slice(1, None), slice(None, -1)) if layer.reverse else (slice(None, -1), slice(1, None))
    first = slice(-1, None) if layer.reverse else slice(None, 1)
    parts: list[Tensor] = []
    for run in _runs(cell.gates, lambda gate: products.get(gate.preactivation, gate.recurrent)):
        mine, name = d_gates[:, :, run], cell.gates[run.start].preactivation
        if name in products:
            parts.append(_outer(mine, inner[products[name]]))
        else:
            parts.append(_outer(mine[later], y[earlier]) + _outer(mine[first], layer.states[:1]))
    return _joined(parts, layer.U)


def of_biases(gates: tuple[Gate, ...], d_gates: Tensor) -> Tensor:
    """The gradient of b."""
    return d_gates.sum((0, 1))[[gate.has_bias for gate in gates]].flatten()


def _runs(gates: tuple[Gate, ...], kind: Callable[[Gate], object]) -> list[slice]:
    """Stretches of neighbouring gates of one kind, where the kind is not empty."""
    grouped = groupby(range(len(gates)), key=lambda index: kind(gates[index]))
    stretches = [list(indices) for key, indices in grouped if key]
    return [slice(indices[0], indices[-1] + 1) for indices in stretches]


def _blocks(gates: tuple[Gate, ...], kind: Callable[[Gate], object], weight: Tensor) -> Iterator[Tensor]:
    """The rows of W or U that belong to each run."""
    runs = _runs(gates, kind)
    present = sum(run.stop - run.start for run in runs)
    units = len(weight) // present if present else 0
    yield from weight.split([(run.stop - run.start) * units for run in runs]) if runs else ()


def _outer(d_gates: Tensor, operand: Tensor) -> Tensor:
    """The sum over time and batch of d_gates times operand, (H for each gate, K)."""
    return d_gates.flatten(2).flatten(0, 1).t() @ operand.flatten(0, 1)


def _total(parts: list[Tensor], like: Tensor) -> Tensor:
    total = parts[0] if parts else torch.zeros_like(like)
    for part in parts[1:]:
        total = total + part
    return total


def _joined(parts: list[Tensor], like: Tensor) -> Tensor:
    return torch.cat(parts) if parts else torch.zeros_like(like)
