"""The network in numpy, so that a forecast does without torch and without a compiler.

The same bits come out for a series in any company: matrices are multiplied a fixed number of rows at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from .network import Sizes, embed, quantiles
from .step import STATES, step
from .sums import Singles, Whole

TILE = 32
"""Rows that are multiplied at a time."""


class Forward:
    """The trained network.

    Args:
        sizes: Of the network.
        weights: By the names of `learning.Network`, float32.
    """

    def __init__(self, sizes: Sizes, weights: Mapping[str, Singles]) -> None:
        self.sizes = sizes
        self.maps: Any = SimpleNamespace(
            **{name: _affine(weights[f"{name}.weight"], weights[f"{name}.bias"]) for name in sizes.maps}
        )
        self.layers = [_layer(weights, number) for number in range(sizes.layers)]

    def read(self, tokens: Singles, counts: Whole) -> tuple[Singles, Singles]:
        """What the LSTM read last and what it gave, (B, hidden) each, of tokens (B, N, F) of which series have so many.

        Tokens behind those of a series change nothing.
        """
        embedded = embed(self.maps, tokens)
        states = [[np.zeros((len(tokens), self.sizes.hidden), np.float32)] * STATES for _ in self.layers]
        last = np.zeros((len(tokens), self.sizes.hidden), np.float32)
        for number in range(tokens.shape[1]):
            running = embedded[:, number]
            for place, layer in enumerate(self.layers):
                states[place] = layer(running, states[place])
                running = running + states[place][0]
            last[counts == number + 1] = running[counts == number + 1]
        return embedded[np.arange(len(tokens)), counts - 1], last

    def quantiles(self, read: Singles, state: Singles, steps: Any) -> Singles:
        """See `network.quantiles`."""
        return quantiles(np, self.maps, read, state, steps)


def times(rows: Singles, matrix: Singles) -> Singles:
    """Rows (..., I) times a matrix (I, O), `TILE` rows at a time."""
    flat = rows.reshape(-1, rows.shape[-1])
    padded = np.zeros((-(-len(flat) // TILE) * TILE, flat.shape[1]), np.float32)
    padded[: len(flat)] = flat
    tiles = padded.reshape(-1, TILE, flat.shape[1]) @ matrix
    return tiles.reshape(-1, matrix.shape[1])[: len(flat)].reshape(*rows.shape[:-1], -1)


def _affine(weight: Singles, bias: Singles) -> Any:
    matrix = np.ascontiguousarray(weight.T)
    return lambda rows: times(rows, matrix) + bias


def _layer(weights: Mapping[str, Singles], number: int) -> Any:
    """One step of one layer: from what it reads and its states to its new states."""
    both = [weights[f"lstm.weight_{part}_l{number}"] for part in ("ih", "hh")]
    matrix = np.ascontiguousarray(np.concatenate(both, axis=1).T)
    bias = weights[f"lstm.bias_ih_l{number}"] + weights[f"lstm.bias_hh_l{number}"]

    def advance(running: Singles, states: list[Singles]) -> list[Singles]:
        total = times(np.concatenate([running, states[0]], axis=1), matrix) + bias
        hidden = running.shape[1]
        gates = [total[:, start : start + hidden] for start in range(0, total.shape[1], hidden)]
        return list(step(*gates, *states))

    return advance
