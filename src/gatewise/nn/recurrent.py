"""Any cell as a module: layers in one or two directions over a sequence."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ..equation import Cell
from ..errors import InputError
from ..kernels.dispatch import Choice, choose, sequence
from ..kernels.layer import Layer
from ..kernels.registry import register
from .check import check_input, check_states
from .weights import joined_bias, shapes, suffixes

States = Tensor | tuple[Tensor, ...]


class Recurrent(nn.Module):
    """A stack of layers of one recurrent cell, called like ``torch.nn.LSTM``.

    cell: one of ``gatewise.cells``, or your own. input_size, hidden_size: I and H. num_layers: each above the first
    reads the outputs of the one below. bias: whether gates have one. batch_first: input and output are (B, T, ...).
    dropout: probability, on the outputs of every layer but the last, in training. bidirectional: a second set of
    weights reads each layer's input from the end; outputs are concatenated.

    Weights are named, ordered and initialised as in torch.nn, U(-1/sqrt(H), 1/sqrt(H)).
    """

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        _check_sizes(input_size, hidden_size, num_layers, dropout)
        self.cell = cell
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, float(dropout), bidirectional
        self._key = register(cell)
        for layer, _, suffix in suffixes(num_layers, self._directions):
            inputs = input_size if layer == 0 else hidden_size * self._directions
            for name, shape in shapes(cell, inputs, hidden_size, bias=bias).items():
                weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                self.register_parameter(name + suffix, weight)
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _first_weight(self) -> Tensor:
        return getattr(self, "weight_ih_l0")  # noqa: B009 - nn.Module types its attributes as Tensor | Module

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0.0
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound)

    def driver(self, x: Tensor) -> Choice:
        """Which driver would run on an input like this one, and why."""
        return choose(x)

    def forward(self, input: Tensor, hx: States | None = None) -> tuple[Tensor, States]:
        """Run over a sequence.

        input: (T, B, I), (B, T, I) with ``batch_first``, or (T, I) unbatched. hx: the initial state, zero if not
        given, (L * D, B, H) for L layers and D directions; a tuple with one for each of the cell's states where it
        has several. Returns the outputs of the last layer, (T, B, D * H) or the like, and the last states, like hx.
        Raises ShapeError or InputError for what does not fit.
        """
        check_input(input, self.input_size, self._first_weight)
        batched = input.dim() == 3
        x = input if batched else input.unsqueeze(1)
        x = x.transpose(0, 1) if batched and self.batch_first else x
        states = self._initial(hx, x, batched)
        last: list[Tensor] = []
        for layer in range(self.num_layers):
            x, ended = self._layer(layer, x, states)
            last += ended
            if layer < self.num_layers - 1 and self.dropout > 0.0:
                x = nn.functional.dropout(x, self.dropout, self.training)
        y = x.transpose(0, 1) if batched and self.batch_first else x
        return (y if batched else y.squeeze(1)), self._final(last, batched)

    def _initial(self, hx: States | None, x: Tensor, batched: bool) -> Tensor:
        """The initial states of all layers and directions, (S, L * D, B, H)."""
        count, (_, rows, _) = self.num_layers * self._directions, x.shape
        if hx is None:
            return x.new_zeros(len(self.cell.state), count, rows, self.hidden_size)
        shape = (count, rows, self.hidden_size) if batched else (count, self.hidden_size)
        states = torch.stack(check_states(hx, self.cell.state, shape, self._first_weight))
        return states if batched else states.unsqueeze(2)

    def _layer(self, layer: int, x: Tensor, states: Tensor) -> tuple[Tensor, list[Tensor]]:
        """One layer: its outputs (T, B, D * H), and for each direction its last states (S, B, H)."""
        outputs: list[Tensor] = []
        ended: list[Tensor] = []
        for index, (at, reverse, suffix) in enumerate(suffixes(self.num_layers, self._directions)):
            if at == layer:
                y, last = sequence(self._key, Layer(x, *self._weights(suffix), states[:, index], reverse))
                outputs.append(y)
                ended.append(last)
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=2), ended

    def _weights(self, suffix: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """W, U, b and per-unit weights of one layer in one direction."""
        W, U = getattr(self, f"weight_ih{suffix}"), getattr(self, f"weight_hh{suffix}")
        if self.bias:
            bias = joined_bias(
                self.cell, getattr(self, f"bias_ih{suffix}"), getattr(self, f"bias_hh{suffix}"), self.hidden_size
            )
        else:
            bias = W.new_zeros(sum(gate.has_bias for gate in self.cell.gates) * self.hidden_size)
        vectors = [getattr(self, f"{name}{suffix}") for name in self.cell.per_unit]
        per_unit = torch.stack(vectors) if vectors else W.new_empty(0, self.hidden_size)
        return W, U, bias, per_unit

    def _final(self, last: list[Tensor], batched: bool) -> States:
        states = torch.stack(last, dim=1)
        states = states if batched else states.squeeze(2)
        return states[0] if len(self.cell.state) == 1 else tuple(states)

    def extra_repr(self) -> str:
        """The arguments that differ from their defaults."""
        shown = f"{self.cell.name}, {self.input_size}, {self.hidden_size}"
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        for name, default in defaults.items():
            if getattr(self, name) != default:
                shown += f", {name}={getattr(self, name)}"
        return shown


def _check_sizes(input_size: int, hidden_size: int, num_layers: int, dropout: float) -> None:
    if not isinstance(hidden_size, int) or isinstance(hidden_size, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"hidden_size should be of type int, got: {type(hidden_size).__name__}")
    if hidden_size <= 0:
        raise InputError("hidden_size must be greater than zero")
    if num_layers <= 0:
        raise InputError("num_layers must be greater than zero")
    if input_size < 0:
        raise InputError("input_size must not be negative")
    if isinstance(dropout, bool) or not 0 <= dropout <= 1:
        raise InputError(f"dropout should be a number in range [0, 1], the probability of a zero, not {dropout}")
