"""The network of the sequence estimators: a recurrent stack, one vector for each sequence, a linear layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...equation import Cell
from ...errors import InputError
from ...nn import Recurrent
from ...nn.init import recommended_

_SHORTEST = 3
"""Steps below which there is no span of time scales to spread."""


def _last(outputs: Tensor, lengths: Tensor, both_ways: bool) -> Tensor:
    """What each direction has put out once it has read the whole sequence."""
    forward = outputs[lengths - 1, torch.arange(len(lengths))]
    if not both_ways:
        return forward
    half = outputs.shape[-1] // 2
    return torch.cat((forward[:, :half], outputs[0, :, half:]), dim=1)


def _mean(outputs: Tensor, lengths: Tensor, both_ways: bool) -> Tensor:
    """The mean over the sequence's own steps; those beyond are zero."""
    return outputs.sum(0) / lengths[:, None]


POOLINGS: dict[str, Callable[[Tensor, Tensor, bool], Tensor]] = {"last": _last, "mean": _mean}
"""By name: outputs (T, B, K), lengths (B,) and whether there are two directions, to (B, K)."""


def start_(recurrent: Recurrent, longest: int) -> None:
    """Draw weights as `recommended_` does, to remember over ``longest`` steps where the cell has a gate for that."""
    try:
        recommended_(recurrent, longest if longest >= _SHORTEST else None)
    except InputError:
        recommended_(recurrent)


class SequenceNetwork(nn.Module):
    """From padded sequences (T, B, I) and their lengths to (B, outputs).

    The input loses features at random in training, each feature at each step by itself, and so does the vector before
    the linear layer; layers in between drop their outputs with the latter's
    probability. longest: over how many steps it is to remember at first.
    """

    def __init__(
        self,
        cell: Cell,
        inputs: int,
        hidden: int,
        outputs: int,
        *,
        layers: int,
        both_ways: bool,
        pooling: str,
        dropout: float,
        input_dropout: float,
        options: dict[str, Any],
        longest: int,
    ) -> None:
        super().__init__()
        between = dropout if layers > 1 else 0.0
        self.recurrent = Recurrent(cell, inputs, hidden, layers, dropout=between, bidirectional=both_ways, **options)
        start_(self.recurrent, longest)
        self.before, self.after = nn.Dropout(input_dropout), nn.Dropout(dropout)
        self.pooling, self.both_ways = POOLINGS[pooling], both_ways
        self.linear = nn.Linear(hidden * (2 if both_ways else 1), outputs)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """x: (T, B, I), lengths: (B,), each at least 1."""
        outputs, _ = self.recurrent(self.before(x), lengths=lengths)
        return self.linear(self.after(self.pooling(outputs, lengths, self.both_ways)))
