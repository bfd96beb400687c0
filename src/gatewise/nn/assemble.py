"""A module's weights: how they start, and how the kernels are given them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..equation import Cell
from ..kernels.layer import Layer
from .noise import drawn
from .weights import joined_bias


def draw_(cell: Cell, weights: Mapping[str, Tensor], units: int) -> None:
    """Draw weights anew from U(-1/sqrt(H), 1/sqrt(H)), as torch.nn does; those with a number to start from get that."""
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
