"""The random numbers that cells read: drawn in training, their means otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..equation import Cell


def drawn(cell: Cell, each: str, rows: int, units: int, like: Tensor, *, training: bool) -> Tensor:
    """All noise of one kind, ``"step"`` or ``"sequence"``: (K, rows, H), or (K, 1, H) of means outside training."""
    noise = [draw for draw in cell.noise if draw.each == each]
    if not noise:
        return like.new_empty(0, 1, units)
    if not training:
        return _column([draw.mean for draw in noise], like).expand(len(noise), 1, units)
    rates = torch.tensor([draw.rate for draw in noise], device=like.device).view(-1, 1, 1)
    hits = torch.rand(len(noise), rows, units, device=like.device) < rates
    found = hits.to(like.dtype)
    for one, draw in zip(found, noise, strict=True):
        if (draw.hit, draw.miss) != (1.0, 0.0):
            one.mul_(draw.hit - draw.miss).add_(draw.miss)
    return found


def _column(numbers: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(numbers, dtype=like.dtype, device=like.device).view(-1, 1, 1)
