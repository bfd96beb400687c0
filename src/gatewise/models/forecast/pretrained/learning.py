"""The network as a torch module, and what it learns from series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ....nn import LSTM
from ....tables.panel import Floats
from ..network.training import pinball
from .experts import EXPERTS, TRUSTED
from .network import LEVELS, Sizes, embed, quantiles
from .sums import Whole, gather
from .tokens import PARTS, Reading, centred, relative, width

POSITIONS = 12
"""Tokens of a series after which the network forecasts in one batch."""
AHEAD = 12
"""Steps that are asked for after each."""
FAR = 4.0
"""Units that a value may be from every expert before its error counts for less."""
UNHEARD_OF = 1e3
"""Units from the level beyond which a value is not learned from."""
IRREGULAR = 0.3
"""The share of batches in which patches begin at odd places."""


class Network(nn.Module):
    """The network of `network.py`, to be trained."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        for name, (inputs, outputs) in sizes.maps.items():
            self.add_module(name, nn.Linear(inputs, outputs))
        self.lstm = LSTM(sizes.hidden, sizes.hidden, sizes.layers, residual=True)
        out: Any = self.out
        with torch.no_grad():
            out.weight *= 0.1
            out.bias[len(EXPERTS) :] = -1.0
            out.bias[len(EXPERTS)] = 0.0
            out.bias[: len(EXPERTS)] = torch.tensor([0.0 if name in TRUSTED else -3.0 for name in EXPERTS])

    def forward(self, batch: Batch) -> Tensor:
        """The quantiles (P, H, LEVELS) at all places."""
        maps: Any = self
        read = embed(maps, batch.tokens.transpose(0, 1))
        states, _ = self.lstm(read)
        read, states = (part[batch.token, batch.series] for part in (read, states))
        return quantiles(torch, maps, read, states, batch)


@dataclass(frozen=True)
class Batch:
    """What one update sees, as tensors: B series, and P places in them after which H steps are forecast.

    tokens: (B, N, F). series, token: which token of which series each place is, (P,). experts, valid, features: of the
    steps, (P, H, ...), see `tokens.Steps`. actual: what came, (P, H), in units from the level. weights: how much an
    error costs, (P, H), 0 where nothing came.
    """

    tokens: Tensor
    series: Tensor
    token: Tensor
    experts: Tensor
    valid: Tensor
    features: Tensor
    actual: Tensor
    weights: Tensor


def batch_of(
    values: Floats, season: int, second: int, horizon: int, rng: np.random.Generator, *, latest: int | None = None
) -> Batch:
    """Tokens of series (B, T) of one season, and what followed some of them within a horizon.

    values: NaN where missing, and before a series begins. latest: how many of its last tokens that is seen after; None
    for `POSITIONS` of all, drawn at random.
    """
    values, lengths = _from_the_left(values.astype(np.float64))
    series, _ = centred(values, season, second)
    ends = _ends(values.shape, season, rng)
    reading = Reading(series, ends)
    order = rng.random(ends.shape) if latest is None else 1 - ends / values.shape[1]
    rows = _rows(ends, lengths, season, order, latest or POSITIONS)
    ahead = np.sort(rng.permutation(np.arange(1, horizon + 1))[:AHEAD])
    steps = reading.steps(rows, ahead)
    came = np.take_along_axis(ends, rows, axis=1)[..., None] + ahead - 1
    actual = np.where(came < lengths[:, None, None], gather(series.values, came), np.nan)
    actual = relative(actual - steps.level[..., None], steps.unit[..., None])
    far = np.where(steps.valid, np.abs(steps.experts - actual[..., None]), np.inf).min(axis=-1)
    weights = np.where(np.abs(actual) < UNHEARD_OF, 1 / (1 + np.nan_to_num(far) / FAR), 0.0)
    actual = np.where(weights > 0, actual, 0.0)
    series_of, position = np.nonzero((weights > 0).any(axis=-1))
    places = tuple(part[series_of, position] for part in (steps.experts, steps.valid, steps.features, actual, weights))
    arrays = (reading.tokens, series_of, rows[series_of, position], *places)
    return Batch(*(torch.from_numpy(_single(array)) for array in arrays))


def together(batches: list[Batch], most: int, rng: np.random.Generator) -> Batch:
    """Batches as one, in which shorter series have empty tokens behind, and at most so many places, drawn at random."""
    before = np.cumsum([0, *(len(batch.tokens) for batch in batches)]).tolist()
    moved = [replace(batch, series=batch.series + start) for batch, start in zip(batches, before, strict=False)]
    tokens, *places = zip(*(vars(batch).values() for batch in moved), strict=True)
    joined = [torch.cat(_even(column)) for column in places]
    kept = torch.from_numpy(np.sort(rng.permutation(len(joined[0]))[:most]))
    return Batch(torch.cat(_even(tokens)), *(column[kept] for column in joined))


def _even(column: Sequence[Tensor]) -> list[Tensor]:
    """Tensors with zeros behind, so that all but their first axes are of one size."""
    most = [max(sizes) for sizes in zip(*(part.shape[1:] for part in column), strict=True)]
    pads = [[(0, size - have) for have, size in zip(part.shape[1:], most, strict=True)] for part in column]
    return [
        nn.functional.pad(part, [end for pair in reversed(pad) for end in pair])
        for part, pad in zip(column, pads, strict=True)
    ]


def _from_the_left(values: Floats) -> tuple[Floats, Whole]:
    """Series (B, T) that all begin at the first place, and their lengths (B,)."""
    first = np.argmax(~np.isnan(values), axis=1)
    lengths = values.shape[1] - first
    shifted = gather(
        np.concatenate([values, np.full_like(values, np.nan)], axis=1), first[:, None] + np.arange(values.shape[1])
    )
    return shifted, lengths


def loss(network: nn.Module, batch: Batch) -> Tensor:
    """The mean pinball loss in units, in which values far from every expert count less."""
    errors = batch.actual[..., None] - network(batch)
    costs = pinball(errors, errors.new_tensor(LEVELS))
    return (costs * batch.weights).sum() / (batch.weights > 0).sum().clamp(min=1)


def _single(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _ends(shape: tuple[int, ...], season: int, rng: np.random.Generator) -> Whole:
    """Where patches end (B, N): the first after at least a few values."""
    batch, length = shape
    step = PARTS * width(season)
    if rng.random() < IRREGULAR:
        advances = np.where(
            rng.random(2 * length // step + 2) < 0.3, rng.integers(1, step + 1, 2 * length // step + 2), step
        )
    else:
        advances = np.full(length // step + 2, step)
    ends = rng.integers(1, step + 1) + np.concatenate([[0], np.cumsum(advances)])
    ends = ends[ends < length]
    return np.broadcast_to(ends, (batch, len(ends)))


def _rows(ends: Whole, lengths: Whole, season: int, order: Floats, count: int) -> Whole:
    """Tokens to forecast after, (B, P): the first in this order, from 0 to 1, that have seen a season or two, where
    there are any."""
    early = np.minimum(2 * season, lengths // 2)[:, None] + 2
    unfit = (ends < early) | (ends >= lengths[:, None])
    return np.argsort(order + 2 * unfit, axis=1)[:, :count]
