"""Temporal convolutions as the body of a network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

KERNEL = 3
"""Steps that a convolution reads."""


class DilatedConvolution(nn.Module):
    """A weight-normalised convolution over the present step and earlier ones, ``dilation`` apart.

    Its state is the steps that later outputs will still read, (memory, B, I).
    """

    def __init__(self, inputs: int, outputs: int, dilation: int) -> None:
        super().__init__()
        self.memory = (KERNEL - 1) * dilation
        self.convolution = weight_norm(nn.Conv1d(inputs, outputs, KERNEL, dilation=dilation))

    def forward(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """(T, B, I) to (T, B, O), and the state after it."""
        if past is None:
            past = x.new_zeros(self.memory, *x.shape[1:])
        read = torch.cat((past, x))
        return self.convolution(read.permute(1, 2, 0)).permute(2, 0, 1), read[len(x) :]


class ResidualBlock(nn.Module):
    """Two dilated convolutions, each rectified and dropped out, beside what goes around them."""

    def __init__(self, inputs: int, middle: int, outputs: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.first = DilatedConvolution(inputs, middle, dilation)
        self.second = DilatedConvolution(middle, outputs, dilation)
        self.around = nn.Linear(inputs, outputs) if inputs != outputs else nn.Identity()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(T, B, I) to (T, B, O), and the states of both convolutions."""
        before = (None, None) if state is None else state
        y, first = self.first(x, before[0])
        y, second = self.second(self.dropout(y.relu()), before[1])
        return (self.around(x) + self.dropout(y.relu())).relu(), (first, second)


class TemporalConvolutions(nn.Module):
    """A stack of residual blocks of causal convolutions, the dilation of each twice that of the one before.

    Source: Bai, Kolter, Koltun, An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence
    Modeling, arXiv:1803.01271, section 3 and figure 1. A `Body`, whose state is the steps that are still to be read.

    Args:
        inputs: I, numbers of a step.
        channels: K, numbers between the blocks and at the end.
        middle: Numbers between the two convolutions of each block; their count is that of the blocks.
        dropout: The probability that a number is dropped after a convolution, in training.
    """

    def __init__(self, inputs: int, channels: int, middle: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        self.output_size = channels
        self.blocks = nn.ModuleList(
            ResidualBlock(channels if block else inputs, width, channels, 2**block, dropout)
            for block, width in enumerate(middle)
        )

    def forward(
        self, x: Tensor, state: list[tuple[Tensor, Tensor]] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """See `Body`; of a padded batch the state is that after the last step, padding or not."""
        states: list[tuple[Tensor, Tensor]] = []
        for at, block in enumerate(self.blocks):
            x, after = block(x, None if state is None else state[at])
            states.append(after)
        return x, states


def blocks_for(longest: int) -> int:
    """How many blocks it takes until an output depends on so many steps: each doubles the reach."""
    blocks = 1
    while 1 + 2 * (KERNEL - 1) * (2**blocks - 1) < longest:
        blocks += 1
    return blocks
