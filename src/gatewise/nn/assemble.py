"""Weights, input, states and noise of one layer put together for the kernels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ..equation import Cell
from ..kernels.layer import Layer
from .weights import joined_bias


def drawn(cell: Cell, kind: str, rows: int, units: int, like: Tensor, *, training: bool) -> Tensor:
    """All noise of one kind, ``"step"`` or ``"sequence"``: (K, rows, H), or (K, 1, H) of means outside training."""
    noise = [draw for draw in cell.noise if draw.each == kind]
    if not noise:
        return like.new_empty(0, 1, units)
    if not training:
        return _column([draw.mean for draw in noise], like).expand(len(noise), 1, units)
    pairs = [noise[index : index + 2] for index in range(0, len(noise), 2)]
    hits = [hit for pair in pairs for hit in _hits([draw.rate for draw in pair], (rows, units), like.device)]
    draws = torch.stack(hits).to(like.dtype)
    for one, draw in zip(draws, noise, strict=True):
        if draw.shared:
            one.copy_(one[:, :1].clone())
        if (draw.hit, draw.miss) != (1.0, 0.0):
            one.mul_(draw.hit - draw.miss).add_(draw.miss)
    return draws


def _hits(rates: Sequence[float], shape: tuple[int, int], device: torch.device) -> list[Tensor]:
    """Whether one draw hits, or two independent ones, of these probabilities: bool tensors.

    One uniform number decides both, since drawing it is what takes long: on either side of the first probability it
    is uniform too, and the second draw hits in the lower part of each.
    """
    number = torch.rand(shape, device=device)
    hits = [number < rates[0]]
    for rate in rates[1:]:
        below, above = rates[0] * rate, rates[0] + (1.0 - rates[0]) * rate
        hits.append((number < below) | (~hits[0] & (number < above)))
    return hits


def _column(numbers: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(numbers, dtype=like.dtype, device=like.device).view(-1, 1, 1)


def draw_(cell: Cell, weights: Mapping[str, Tensor], units: int) -> None:
    """Draw all weights from U(-1/sqrt(H), 1/sqrt(H)), as torch.nn does; those with a number to start from get that."""
    bound = 1.0 / math.sqrt(units) if units > 0 else 0.0
    for name, weight in weights.items():
        start = cell.starts.get(name)
        nn.init.uniform_(weight, -bound, bound) if start is None else nn.init.constant_(weight, start)


def assembled(
    cell: Cell,
    weights: Mapping[str, Tensor],
    x: Tensor,
    states: Tensor,
    batch_sizes: Tensor | None = None,
    *,
    training: bool,
) -> Layer:
    """One layer for the kernels, from weights by their names without suffix, rows x (N, I) and states (S, B, H)."""
    W, (_, rows, units) = weights["weight_ih"], states.shape
    bias = joined_bias(cell, weights.get("bias_ih"), weights.get("bias_hh"), units)
    vectors = [weights[name] for name in cell.per_unit]
    return Layer(
        x,
        W,
        weights["weight_hh"],
        W.new_zeros(sum(gate.has_bias for gate in cell.gates) * units) if bias is None else bias,
        torch.stack(vectors) if vectors else W.new_empty(0, units),
        states,
        drawn(cell, "step", x.shape[0], units, W, training=training),
        drawn(cell, "sequence", rows, units, W, training=training),
        batch_sizes,
    )
