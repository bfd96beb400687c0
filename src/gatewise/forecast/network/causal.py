"""The causal normalisation: each patch is read on the scale of the window that ends with it.

What the network reads of a patch then depends on nothing after it, so that its state can be carried on from patch to
patch. Space, level, spread and seasonal step are of the window alone, by the laws of `scaling`, but for the mean in
place of the median, which takes less time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from ..evaluation.metrics import ROUNDING
from ..panel import Floats
from .scaling import FEATURES, LARGEST_LOG, SMALLEST_SHARE, Scale
from .windows import Windows

CAUSAL_FEATURES = FEATURES + 1


@dataclass(frozen=True)
class CausalWindows(Windows):
    """Windows of a space and a scale of their own. patch: observations in their last patch."""

    patch: int = 1

    def normalised(self, recent: int) -> tuple[Scale, Tensor, Tensor]:
        """See `Windows`; one more feature is how far below the level it was before the last patch."""
        scale, past, about = super().normalised(recent)
        length = past.shape[1]
        before = slice(max(0, length - recent - self.patch), length - self.patch)
        there = self.seen[:, before].sum(1, keepdim=True)
        level = self.past[:, before].sum(1, keepdim=True) / there.clamp(min=1)
        moved = torch.where(there > 0, scale.apply(level), 0.0)
        return scale, past, torch.cat((about, moved.float()), dim=1)


class Moments(NamedTuple):
    """What normalises the patches at N places. level, spread, seasonal_step: float64 (N, 1). logs: bool (N, 1).
    about: float32 (N, CAUSAL_FEATURES)."""

    level: Tensor
    spread: Tensor
    seasonal_step: Tensor
    logs: Tensor
    about: Tensor

    @classmethod
    def of(cls, windows: CausalWindows, recent: int) -> Self:
        """Those of the windows that end there."""
        scale, _, about = windows.normalised(recent)
        return cls(scale.level, scale.spread, windows.seasonal_step, windows.logs, about)

    def patches(self, raw: Tensor, seen: Tensor) -> Tensor:
        """Patches (N, P), of which so much was observed, as `PatchLSTM.read` takes them, (N, 2 P + CAUSAL_FEATURES)."""
        scale = Scale(self.level, self.spread)
        past = torch.where(seen, scale.apply(entered(raw, self.logs & seen)), 0.0)
        return torch.cat((past.float(), seen.float(), self.about), dim=1)


def entered(values: Tensor, logs: Tensor) -> Tensor:
    """The logarithm where asked for, and of nothing else."""
    return torch.where(logs, torch.where(logs, values, 1.0).log(), values)


def least_in_logs(raw: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Whether each window (B, L) is well above zero, and the least value that is so, each (B, 1); see `Space`."""
    smallest = torch.where(seen, raw, torch.inf).amin(1, keepdim=True)
    least = (raw * (SMALLEST_SHARE / seen.sum(1, keepdim=True))).sum(1, keepdim=True)
    return (smallest > 0) & (smallest >= least), least


def seasonal_steps(past: Tensor, seen: Tensor, season: int) -> Tensor:
    """`scaling.seasonal_step` of each window (B, L), (B, 1)."""
    rounding = torch.from_numpy(ROUNDING * np.spacing(past.abs().amax(1, keepdim=True).numpy()))
    found = torch.zeros_like(rounding)
    for lag in (1, season):
        both = seen[:, lag:] & seen[:, :-lag]
        apart = torch.where(both, (past[:, lag:] - past[:, :-lag]).abs(), 0.0).sum(1, keepdim=True)
        mean = apart / both.sum(1, keepdim=True).clamp(min=1)
        found = torch.where(mean > rounding, mean, found)
    return found


def left(windows: Windows, forecast: Tensor) -> Floats:
    """Forecasts (B, ...) in the units of the data; none below zero after a window that never was."""
    shape = (-1, *[1] * (forecast.ndim - 1))
    lowest = torch.where((windows.past >= 0).all(1), 0.0, -torch.inf).view(shape)
    logs = windows.logs.view(shape)
    return torch.where(logs, forecast.clamp(max=LARGEST_LOG).exp(), forecast.maximum(lowest)).numpy()
