"""A layer as torch's operators take it: padded, never packed, and the way back.

Rows of a ragged batch are spread over (T, B) places. What is computed beyond the end of a sequence is not read: outputs
are taken where they are, the last output at the last step. The memory of an LSTM, which torch gives for the last step
alone, is carried there unchanged: an input of its own, one where a sequence has ended, closes the input gate and opens
the forget gate, beyond what any other input could undo, so that c = 1 * c + 0 * g to the last bit.

Units that are added have weights of zero, and so states of zero, in every one of torch's laws; rows that are added are
computed and dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from ...equation import Cell
from ..layer import Gradients, Layer, Seeds, last_rows

# What the input of an ended sequence adds to its gates, in the laws whose memory torch gives for the last step alone.
_CLOSING = {"LSTM": {"input": -1.0, "forget": 1.0}}
# Its square outweighs every sum of products that a half precision number can make of weights, or a number can hold.
_HALF_RANGE, _RANGE = 6e4, 1e18


class Sizes(NamedTuple):
    """B, I, H."""

    rows: int
    inputs: int
    units: int


class Dense(NamedTuple):
    """x: (T, B, I). weights: W, U and the biases added to either. states: (1, B, H) each."""

    x: Tensor
    weights: Sequence[Tensor]
    states: Sequence[Tensor]


class Padding:
    """One layer between the form that drivers are given and that of torch's operators.

    mode: torch's name of the law. sizes: padded to these, at least the layer's own.
    """

    def __init__(self, cell: Cell, layer: Layer, mode: str, sizes: Sizes) -> None:
        self.cell, self.layer, self.sizes = cell, layer, sizes
        self.closing = _CLOSING.get(mode, {}) if layer.batch_sizes is not None else {}
        self._missing = (sizes.rows - layer.rows, sizes.inputs - layer.x.shape[1], sizes.units - layer.units)

    @cached_property
    def _total(self) -> int:
        """How many rows belong to a sequence."""
        sizes = self.layer.batch_sizes
        return self.layer.x.shape[0] if sizes is None else int(sizes.sum())

    @cached_property
    def _places(self) -> Tensor:
        """For each row of a ragged batch, its place among (T, B)."""
        sizes = self.layer.batch_sizes
        assert sizes is not None
        time = torch.repeat_interleave(torch.arange(len(sizes)), sizes, output_size=self._total)
        first = sizes.cumsum(0) - sizes
        places = time * self.sizes.rows + torch.arange(self._total) - first[time]
        return places.to(self.layer.x.device)

    @cached_property
    def _last_rows(self) -> Tensor:
        sizes = self.layer.batch_sizes
        assert sizes is not None
        return last_rows(sizes).to(self.layer.x.device)

    def dense(self) -> Dense:
        """The layer."""
        return Dense(self._x(), self.weights(), [self._wide(state[None]) for state in self.layer.states])

    def outputs(self, y: Tensor) -> Tensor:
        """Outputs of our rows (N, H), as torch's operator has to be given them again: (T, B, H)."""
        return self._spread(y, self._missing[2])

    def _x(self) -> Tensor:
        x = self._spread(self.layer.x, self._missing[1] + bool(self.closing))
        if self.closing:
            ended = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
            ended.view(-1)[self._places] = False
            x[..., -1] = ended.to(x.dtype) * self._reach
        return x

    @property
    def _reach(self) -> float:
        return _HALF_RANGE if self.layer.x.dtype == torch.float16 else _RANGE

    def _spread(self, rows: Tensor, width: int) -> Tensor:
        """Rows (N, K) as (T, B, K + width), zeros where there are none."""
        layer, wide = self.layer, pad(rows[: self._total], (0, width))
        if layer.batch_sizes is None:
            return pad(wide.view(layer.steps, layer.rows, wide.shape[1]), (0, 0, 0, self._missing[0]))
        spread = wide.new_zeros(layer.steps * self.sizes.rows, wide.shape[1])
        return spread.index_copy_(0, self._places, wide).view(layer.steps, self.sizes.rows, wide.shape[1])

    def _wide(self, states: Tensor) -> Tensor:
        return pad(states, (0, self._missing[2], 0, self._missing[0])).contiguous()

    def weights(self) -> list[Tensor]:
        """W, U, the bias added to W x and the bias added to U h."""
        _, inputs, units = self._missing
        W = self._closed(pad(self._by_gate(self.layer.W), (0, inputs, 0, units)))
        U = pad(self._by_gate(self.layer.U), (0, units, 0, units))
        biases = [pad(bias, (0, units)).flatten() for bias in self._biases()]
        return [W.flatten(0, 1).contiguous(), U.flatten(0, 1).contiguous(), *biases]

    def _closed(self, W: Tensor) -> Tensor:
        """W (G, H, I), with a column more where ended sequences close gates."""
        if not self.closing:
            return W
        driven = [gate.name for gate in self.cell.gates if gate.has_input]
        signs = W.new_tensor([self.closing.get(name, 0.0) for name in driven])
        return torch.cat((W, (signs * self._reach).view(-1, 1, 1).expand(-1, W.shape[1], 1)), dim=2)

    def _by_gate(self, weight: Tensor) -> Tensor:
        return weight.unflatten(0, (-1, self.layer.units))

    def _biases(self) -> tuple[Tensor, Tensor]:
        """The one bias of each gate, beside W where the gate has an input and beside U otherwise: (G, H) each."""
        gates, blocks = self.cell.gates, self._by_gate(self.layer.b)
        zero = torch.zeros_like(blocks[0])
        first = [block for gate, block in zip(gates, blocks, strict=True) if gate.has_input]
        second = [zero if gate.has_input else block for gate, block in zip(gates, blocks, strict=True)]
        second = [block for gate, block in zip(gates, second, strict=True) if gate.recurrent]
        return torch.stack(first), torch.stack(second)

    def rows_of(self, y: Tensor) -> Tensor:
        """Outputs (T, B, H) of torch's operator as our rows (N, H)."""
        layer = self.layer
        y = y[:, :, : layer.units]
        if layer.batch_sizes is None:
            return y[:, : layer.rows].reshape(layer.x.shape[0], layer.units)
        return self._beyond(y.reshape(-1, layer.units).index_select(0, self._places))

    def _beyond(self, rows: Tensor) -> Tensor:
        """With zeros for rows that belong to no sequence."""
        return pad(rows, (0, 0, 0, self.layer.x.shape[0] - self._total))

    def last(self, y: Tensor, states: Sequence[Tensor]) -> Tensor:
        """The last states (S, B, H). y: our rows. states: those that torch's operator ends with."""
        h, *memories = [state[0, : self.layer.rows, : self.layer.units] for state in states]
        if self.layer.batch_sizes is not None:
            ended = y.index_select(0, self._last_rows)
            h = torch.cat((ended, self.layer.states[0, len(ended) :]))
        return torch.stack((h, *memories))

    def seeds(self, seeds: Seeds) -> tuple[Tensor, list[Tensor]]:
        """Gradients of what torch's operator gives."""
        d_y, d_last = seeds.y, seeds.last
        if self.layer.batch_sizes is not None:
            count = len(self._last_rows)
            d_y = d_y.index_add(0, self._last_rows, d_last[0, :count])
            d_last = torch.cat((torch.zeros_like(d_last[:1]), d_last[1:]))
        return self.outputs(d_y), [self._wide(state[None]) for state in d_last]

    def gradients(self, dense: Dense, seeds: Seeds, *, input_gradient: bool) -> Gradients:
        """The layer's gradients from those of its padded form."""
        layer, units = self.layer, self.layer.units
        d_W, d_U = (d.unflatten(0, (-1, self.sizes.units))[:, :units] for d in dense.weights[:2])
        d_states = torch.stack([d[0, : layer.rows, :units] for d in dense.states])
        if layer.batch_sizes is not None:  # a sequence of no steps ends where it began
            count = len(self._last_rows)
            d_states[0, count:] += seeds.last[0, count:]
        return Gradients(
            self._input_gradient(dense.x) if input_gradient else layer.x[:0].clone(),
            d_W[:, :, : layer.W.shape[1]].flatten(0, 1).contiguous(),
            d_U[:, :, :units].flatten(0, 1).contiguous(),
            self._bias_gradient(*dense.weights[2:]),
            torch.zeros_like(layer.per_unit),
            d_states,
        )

    def _input_gradient(self, d_x: Tensor) -> Tensor:
        layer, inputs = self.layer, self.layer.x.shape[1]
        d_x = d_x[:, :, :inputs]
        if layer.batch_sizes is None:
            return d_x[:, : layer.rows].reshape(layer.x.shape)
        return self._beyond(d_x.reshape(-1, inputs).index_select(0, self._places))

    def _bias_gradient(self, d_first: Tensor, d_second: Tensor) -> Tensor:
        first, second = (iter(d.unflatten(0, (-1, self.sizes.units))) for d in (d_first, d_second))
        blocks: list[Tensor] = []
        for gate in self.cell.gates:
            own = next(first) if gate.has_input else None
            other = next(second) if gate.recurrent else None
            block = own if own is not None else other
            assert block is not None
            blocks.append(block[: self.layer.units])
        return torch.cat(blocks)
