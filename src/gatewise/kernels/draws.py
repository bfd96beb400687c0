"""The random numbers that a layer's steps read: masks of units, drawn before it runs, whatever driver runs it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..equation import Cell, Noise
from .choice import compiled_masks
from .operator import is_plain


def drawn(cell: Cell, each: str, rows: int, units: int, like: Tensor, *, training: bool) -> Tensor:
    """All noise of one kind, ``"step"`` or ``"sequence"``: (K, rows, H), or (K, 1, H) of means outside training.

    All that is taken from torch's own generator of the CPU is a seed for each call, where a mask is a compiled
    function of that; on other devices, and where torch traces or transforms, numbers are drawn by torch.
    """
    noise = [draw for draw in cell.noise if draw.each == each]
    if not noise:
        return like.new_empty(0, 1, units)
    if not training:
        return _column([draw.mean for draw in noise], like).expand(len(noise), 1, units)
    return random(noise, rows, units, like)


def random(noise: Sequence[Noise], rows: int, units: int, like: Tensor) -> Tensor:
    """One draw of each kind for each row and unit, (K, rows, H), by the means that `drawn` tells of."""
    if is_plain((like,)) and (masks := compiled_masks(like)):
        return masks(noise, rows, units, like)
    pairs = [noise[index : index + 2] for index in range(0, len(noise), 2)]
    hits = [hit for pair in pairs for hit in _hits([draw.rate for draw in pair], (rows, units), like.device)]
    found = torch.stack(hits).to(like.dtype)
    for one, draw in zip(found, noise, strict=True):
        if draw.shared:
            one.copy_(one[:, :1].clone())
        if (draw.hit, draw.miss) != (1.0, 0.0):
            one.mul_(draw.hit - draw.miss).add_(draw.miss)
    return found


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
