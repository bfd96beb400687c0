"""Gradients that sum over time and batch: products of the gradients of pre-activations, one chunk of rows at a time.

d_gates: gradients of a chunk's pre-activations, (N, G, H). Gates that stand next to each other and multiply the same
thing share one product.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...compiler.stages import INPUT
from ...equation import Cell
from ..gates import OUTPUT_BEFORE, GateRun, stretches
from ..layer import Gradients, Layer, previous_rows
from .elements import sum_columns
from .factors import Factors, factors_of
from .matmul import Panels, add_product, panels_of
from .memory import lent
from .paired_matrices import across_rows, along_rows


class Reductions:
    """Gradients of x, W, U and b, as they grow from chunk to chunk."""

    def __init__(self, cell: Cell, layer: Layer, y: Tensor, *, input_gradient: bool) -> None:
        self.cell, self.layer, self._y = cell, layer, y
        sums = [torch.zeros_like(weight, dtype=layer.dtype) for weight in (layer.W, layer.U, layer.b)]
        self.W, self.U, self.b = sums
        self._halves, self._biased = layer.in_halves, [gate.has_bias for gate in cell.gates]
        self.x = torch.zeros_like(layer.x) if input_gradient else layer.x[:0].clone()
        self._x, self._d_x = layer.x, self.x  # of which W multiplies the first columns
        if cell.row_inputs:
            self._x = layer.x[:, : layer.inputs].contiguous()
            self._d_x = torch.zeros_like(self._x) if input_gradient else self.x
        self._driven, self._recurrent, self._inner = stretches(cell, layer.units)
        self._narrow = bool(self._driven) and layer.inputs == 1  # as a matrix mostly padding, so multiplied in passing
        self._input_panels: list[Panels] = []
        if input_gradient:
            self._input_panels = [self._panels(layer.W[run.rows]) for run in self._driven]
        sizes = layer.batch_sizes
        self._previous = None if sizes is None else torch.nn.functional.pad(previous_rows(sizes), (layer.starting, 0))

    def add(self, rows: slice, d_gates: Tensor, inner: Tensor) -> None:
        """Add one chunk's part. inner: what steps multiplied with U inside themselves, (operands, N, H)."""
        over_time, of_rows, sums, products = self._as_factors(rows, d_gates)
        packed = self._panels(self._x[rows]) if self._driven and not self._narrow else None
        for run in self._driven:
            if packed is None:
                self.W[run.rows, 0] += products[run.gates].flatten()
            else:
                add_product(self.W[run.rows], _flat(over_time, run), packed, transposed=True)
        if self._input_panels:
            self._add_input_gradient(self._d_x[rows], of_rows)
        operands = {OUTPUT_BEFORE: self._before(rows), **dict(zip(self._inner, inner, strict=True))}
        packed_operands = {name: self._panels(operands[name]) for name in {run.operand for run in self._recurrent}}
        for run in self._recurrent:
            add_product(self.U[run.rows], _flat(over_time, run), packed_operands[run.operand], transposed=True)
        if any(self._biased):
            self.b += (sums if all(self._biased) else sums[self._biased]).flatten()

    def _as_factors(self, rows: slice, d_gates: Tensor) -> Factors:
        """What products, and biases, read of the gradients of these rows."""
        if not (self._halves or self._narrow or any(self._biased)):
            return Factors(d_gates, d_gates, *d_gates.new_empty(2, 0))
        x = self._x[rows] if self._narrow else None
        if x is not None and self._halves:
            x = across_rows(x)
        return factors_of(d_gates, x, halves=self._halves, of_rows=bool(self._input_panels))

    def _add_input_gradient(self, target: Tensor, d_gates: Tensor) -> None:
        """Summed up in the dtype of the layer, and rounded where the target has another."""
        narrow = target.dtype != self.layer.dtype
        sums = lent(self.W, *target.shape).zero_() if narrow else target
        for run, packed in zip(self._driven, self._input_panels, strict=True):
            self._add_rows(sums, d_gates, run, packed)
        if narrow:
            target.copy_(sums)

    def add_inputs(self, rows: slice, d_inputs: Tensor) -> None:
        """Add the gradients of what the step reads of its input itself, (inputs, N, H): of x unit by unit, of the
        numbers of a row the sum over units."""
        if not len(self.x):
            return
        column = self.layer.inputs
        for name, d_input in zip(self.cell.inputs, d_inputs, strict=True):
            if name == INPUT:
                self._d_x[rows] += d_input
            else:
                sum_columns(self.x[rows, column], d_input)
                column += 1

    def _before(self, rows: slice) -> Tensor:
        """The output one step before each of these rows."""
        first, states = self.layer.starting, self.layer.states[0]
        if self._previous is None:
            before = self._y[max(0, rows.start - first) : rows.stop - first]
        else:
            before = self._y.index_select(0, self._previous[max(first, rows.start) : rows.stop])
        if rows.start >= first:
            return before
        initial = states[rows.start : first].to(before.dtype)
        return torch.cat((initial, before), out=lent(before, rows.stop - rows.start, states.shape[1]))

    def add_first_state(self, d_gates: Tensor, d_first: Tensor) -> None:
        """Add what the recurrent products of the first step give to the gradient of the first initial state, (B, H)."""
        first = self.layer.starting
        for run in self._recurrent:
            if run.operand == OUTPUT_BEFORE:
                self._add_rows(d_first[:first], d_gates[:first], run, self._panels(self.layer.U[run.rows]))

    def _panels(self, b: Tensor) -> Panels:
        """A matrix (K, M) to be multiplied with, in pairs of its rows where products take halves."""
        return panels_of(across_rows(b), pairs=True) if self._halves else panels_of(b)

    def _add_rows(self, target: Tensor, d_gates: Tensor, run: GateRun, weights: Panels) -> None:
        """Add to each row its gradients of a run's gates times weights."""
        gradients = _flat(d_gates, run)
        add_product(target, along_rows(gradients) if self._halves else gradients, weights)

    def gradients(self, per_unit: Tensor, states: Tensor) -> Gradients:
        """All of them."""
        if self._d_x is not self.x:
            self.x[:, : self.layer.inputs] = self._d_x
        W, U = self.W.to(self.layer.W.dtype), self.U.to(self.layer.U.dtype)
        return Gradients(self.x, W, U, self.b, per_unit, states)


def _flat(d_gates: Tensor, run: GateRun) -> Tensor:
    """The gradients of a run's gates side by side, (N, H for each of them)."""
    return d_gates[:, run.gates].flatten(1)
