"""Gradients that sum over time and batch: a few large products once the backward sweep has left d_gates.

d_gates: gradients of all pre-activations, (N, G, H). Gates that stand next to each other and multiply the same
thing share one product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby

import torch
from torch import Tensor

from ...compiler.lower import program_of
from ...equation import Cell, Gate
from ..layer import Layer, previous_rows
from .products import times, transposed_times


def of_input(gates: tuple[Gate, ...], layer: Layer, d_gates: Tensor) -> Tensor:
    """The gradient of x, (N, I)."""
    parts = zip(_runs(gates, lambda gate: gate.has_input), _blocks(gates, lambda g: g.has_input, layer.W), strict=True)
    d_x = [times(d_gates[:, run].flatten(1), weight) for run, weight in parts]
    return _total(d_x, layer.x)


def add_first_state(gates: tuple[Gate, ...], layer: Layer, d_gates: Tensor, d_first: Tensor) -> None:
    """Add what the recurrent products of the first step give to the gradient of the first initial state, (B, H)."""
    first = d_gates[: layer.starting]
    weights = _blocks(gates, lambda gate: gate.recurrent, layer.U)
    for run, U in zip(_runs(gates, lambda gate: gate.recurrent), weights, strict=True):
        if gates[run.start].recurrent == "h":
            d_first[: len(first)] += first[:, run].flatten(1) @ U


def of_input_weights(gates: tuple[Gate, ...], layer: Layer, d_gates: Tensor) -> Tensor:
    """The gradient of W."""
    return _joined([_outer(d_gates[:, run], layer.x) for run in _runs(gates, lambda g: g.has_input)], layer.W)


def of_recurrent_weights(cell: Cell, layer: Layer, y: Tensor, d_gates: Tensor, inner: Mapping[str, Tensor]) -> Tensor:
    """The gradient of U. inner: what steps multiplied with U inside themselves, by name, each (N, H)."""
    products = {i.name: i.args[0] for i in program_of(cell).body if i.op == "product"}
    first = layer.starting
    before = y[: len(d_gates) - first] if layer.batch_sizes is None else y[previous_rows(layer.batch_sizes)]
    parts: list[Tensor] = []
    for run in _runs(cell.gates, lambda gate: products.get(gate.preactivation, gate.recurrent)):
        mine, name = d_gates[:, run], cell.gates[run.start].preactivation
        if name in products:
            parts.append(_outer(mine, inner[products[name]][: len(mine)]))
        else:
            parts.append(_outer(mine[first:], before) + _outer(mine[:first], layer.states[0, :first]))
    return _joined(parts, layer.U)


def of_biases(gates: tuple[Gate, ...], d_gates: Tensor) -> Tensor:
    """The gradient of b."""
    return d_gates.sum(0)[[gate.has_bias for gate in gates]].flatten()


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
    """The sum over all rows of d_gates times operand, (H for each gate, K)."""
    return transposed_times(d_gates.flatten(1), operand)


def _total(parts: list[Tensor], like: Tensor) -> Tensor:
    total = parts[0] if parts else torch.zeros_like(like)
    for part in parts[1:]:
        total = total + part
    return total


def _joined(parts: list[Tensor], like: Tensor) -> Tensor:
    return torch.cat(parts) if parts else torch.zeros_like(like)
