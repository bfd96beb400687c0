"""The random numbers that cells read: drawn in training, their means otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..equation import Cell, Noise


def drawn(cell: Cell, each: str, rows: int, units: int, like: Tensor, *, training: bool) -> Tensor:
    """All noise of one kind, ``"step"`` or ``"sequence"``: (K, rows, H), or (K, 1, H) of means outside training."""
    noise = [draw for draw in cell.noise if draw.each == each]
    if not noise:
        return like.new_empty(0, 1, units)
    if not training:
        return _column([draw.mean for draw in noise], like).expand(len(noise), 1, units)
    uniform = torch.rand(len(noise), rows, units, device=like.device)
    hit, miss = ([getattr(draw, kind) for draw in noise] for kind in ("hit", "miss"))
    return torch.where(uniform < _rates(noise, uniform), _column(hit, like), _column(miss, like))


def _column(numbers: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(numbers, dtype=like.dtype, device=like.device).view(-1, 1, 1)


def _rates(noise: Sequence[Noise], like: Tensor) -> Tensor:
    return _column([draw.rate for draw in noise], like)
