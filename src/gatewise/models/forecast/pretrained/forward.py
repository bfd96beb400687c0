"""The network in numpy, so that a forecast does without torch and without a compiler.

The same bits come out for a series in any company, see `tiles`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from .network import Sizes, embed, quantiles
from .step import STATES, step
from .sums import Singles, Whole
from .tiles import in_rows, in_tiles, times, width


class Forward:
    """The trained network.

    Args:
        sizes: Of the network.
        weights: By the names of `learning.Network`, float32.
        reach: The factors by which the intervals of `network.LEVELS` are stretched, from the innermost outward, as
            learned on series that it was not trained on; nothing for those that it gives.
        also: A season and a longer one with which series are read besides, see `model.readings`.
    """

    def __init__(
        self,
        sizes: Sizes,
        weights: Mapping[str, Singles],
        reach: tuple[float, ...] = (),
        also: tuple[int, int] | None = None,
    ) -> None:
        self.sizes, self.reach, self.also = sizes, reach, also
        matrices = {name: np.ascontiguousarray(weights[f"{name}.weight"]) for name in sizes.maps}
        layers = [_both(weights, number) for number in range(sizes.layers)]
        self.width = width([*matrices.values(), *layers])
        self.maps: Any = SimpleNamespace(
            **{name: _affine(matrix, weights[f"{name}.bias"], self.width) for name, matrix in matrices.items()}
        )
        self.layers = [_layer(matrix, _bias(weights, number)) for number, matrix in enumerate(layers)]

    def read(self, tokens: Singles, counts: Whole) -> tuple[Singles, Singles]:
        """What the LSTM read last and what it gave, (B, hidden) each, of tokens (B, N, F) of which series have so many.

        Tokens behind those of a series change nothing.
        """
        embedded = embed(self.maps, tokens)
        batch, length, hidden = embedded.shape
        tiles = in_tiles(embedded.reshape(batch, -1), self.width).reshape(-1, length, hidden, self.width)
        ends = in_tiles(counts[:, None], self.width)
        last = np.zeros((len(tiles), hidden, self.width), np.float32)
        states = [[last] * STATES for _ in self.layers]
        last = last.copy()
        for number in range(length):
            running, states = self.advance(tiles[:, number], states)
            np.copyto(last, running, where=ends == number + 1)
        return embedded[np.arange(batch), counts - 1], in_rows(last, batch)

    def advance(self, running: Singles, states: list[list[Singles]]) -> tuple[Singles, list[list[Singles]]]:
        """What the layers give for a patch (..., hidden, width), and their new states."""
        after: list[list[Singles]] = []
        for layer, before in zip(self.layers, states, strict=True):
            after.append(layer(running, before))
            running = running + after[-1][0]
        return running, after

    def quantiles(self, read: Singles, state: Singles, steps: Any) -> Singles:
        """See `network.quantiles`."""
        return quantiles(np, self.maps, read, state, steps)


def _affine(matrix: Singles, bias: Singles, width: int) -> Any:
    return lambda rows: times(rows, matrix, width) + bias


def _both(weights: Mapping[str, Singles], number: int) -> Singles:
    """The matrix (gates x hidden, 2 hidden) of a layer, for what it reads and for its own state."""
    return np.concatenate([weights[f"lstm.weight_{part}_l{number}"] for part in ("ih", "hh")], axis=1)


def _bias(weights: Mapping[str, Singles], number: int) -> Singles:
    return weights[f"lstm.bias_ih_l{number}"] + weights[f"lstm.bias_hh_l{number}"]


def _layer(matrix: Singles, bias: Singles) -> Any:
    """One step of one layer in tiles: from what it reads and its states to its new states."""
    bias = bias[:, None]

    def advance(running: Singles, states: list[Singles]) -> list[Singles]:
        total = matrix @ np.concatenate([running, states[0]], axis=1) + bias
        hidden = running.shape[1]
        gates = [total[:, start : start + hidden] for start in range(0, total.shape[1], hidden)]
        return list(step(*gates, *states))

    return advance
