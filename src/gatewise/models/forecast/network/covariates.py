"""What covariates do inside the forecasting network: they add to each step, and change what it says of those ahead."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

WIDTH = 64
"""Units of each of the two layers."""


class Beside(NamedTuple):
    """What is known besides the past of B windows of L steps and the h ahead of each.

    columns: (N, K) of the N different steps that these are. where: int64 (B, L + h), which of them each is.
    """

    columns: Tensor
    where: Tensor


class Influence(nn.Module):
    """What K columns do to a window: nothing before training.

    Each step has what its columns add to its value: that is taken off the past before the network reads it, and put on
    the steps ahead, as in a regression with errors that are a time series, learned in one with the network. What they
    say of a step ahead also depends on what the network knows of the window, and on how far ahead it is.

    hidden: numbers that say what the network knows. count: quantiles.
    """

    def __init__(self, columns: int, hidden: int, horizon: int, count: int) -> None:
        super().__init__()
        self.line = nn.Linear(columns, 1, bias=False)
        self.bend, self.bent = nn.Linear(columns, WIDTH), nn.Linear(WIDTH, 1, bias=False)
        self.window, self.step = nn.Linear(hidden, WIDTH), nn.Linear(columns, WIDTH, bias=False)
        self.place = nn.Parameter(torch.zeros(horizon, WIDTH))
        self.quantiles = nn.Linear(WIDTH, count, bias=False)
        for last in (self.line, self.bent, self.quantiles):
            nn.init.zeros_(last.weight)

    def added(self, beside: Beside) -> Tensor:
        """What is added to each step of the windows, (B, L + h), in spreads of the window."""
        columns, where = beside
        return (self.line(columns) + self.bent(gelu(self.bend(columns))))[:, 0][where]

    def forward(self, hidden: Tensor, beside: Beside) -> Tensor:
        """What is added to the quantiles of the steps ahead, (B, h, Q). hidden: what is known of windows, (B, K)."""
        columns, where = beside
        ahead, places = where[:, -len(self.place) :].unique(return_inverse=True)  # a few of all N
        told = self.step(columns[ahead])[places]
        return self.quantiles(gelu(self.window(hidden)[:, None] + told + self.place))
