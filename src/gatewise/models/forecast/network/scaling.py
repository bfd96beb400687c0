"""Window normalisation: what makes series of every size and unit alike to one network.

Each series is read in a working space, its logarithm where it is well above zero and itself otherwise. In that
space a window is shifted by its recent level and divided by its spread; forecasts go the same way back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ....tables.panel import Floats
from ..metrics import seasonal_scale

SMALLEST_SHARE = 1e-3
"""A series is read as its logarithm if its smallest value is at least this share of its median."""
FEATURES = 3
"""Numbers that `features` tells about a window beside its values."""
STEADY = 1e-12
"""A spread below this share of the level is rounding, and the window constant."""
TINY = torch.finfo(torch.float64).tiny
"""What stands in a quotient for a spread of zero."""
LARGEST_LOG = 700.0
"""The logarithm of the largest forecast: exp of it is still a finite float64."""


@dataclass(frozen=True)
class Space:
    """The working space of one series. log: the logarithm."""

    log: bool

    @classmethod
    def of(cls, values: Floats) -> Space:
        """The space that the range of these observations asks for."""
        smallest = float(values.min())
        return cls(smallest > 0 and smallest >= SMALLEST_SHARE * float(np.median(values)))

    def enter(self, values: Floats) -> Floats:
        """Observations in the working space."""
        return np.log(values) if self.log else values

    def leave(self, values: Floats) -> Floats:
        """Working space back to the units of the data."""
        return np.exp(np.minimum(values, LARGEST_LOG)) if self.log else values


def seasonal_step(values: Floats, season: int) -> float:
    """The seasonal naive's in-sample mean absolute error; 0 for a constant series.

    A series that is no longer than a season, or repeats itself exactly, is compared with its previous value.
    """
    scale = seasonal_scale(values, season)
    if np.isnan(scale):
        scale = seasonal_scale(values, 1)
    return 0.0 if np.isnan(scale) else scale


@dataclass(frozen=True)
class WindowScale:
    """Level and spread of B windows in working space, each float64 (B, 1); a constant window has spread 0."""

    level: Tensor
    spread: Tensor

    @classmethod
    def of(cls, past: Tensor, seen: Tensor, step: Tensor, recent: int) -> WindowScale:
        """Level: mean of the last ``recent`` observations. Spread: root mean square about it.

        past: (B, L). seen: bool (B, L), true where observed. step: (B, 1), each series' seasonal step, a tenth of
        which the spread does not fall below, so that a pause in a moving series is not taken for constancy.
        """
        weights = seen.to(past.dtype)
        level = _mean(past[:, -recent:], weights[:, -recent:])
        spread = (_mean((past - level).square(), weights) + (0.1 * step).square()).sqrt()
        return cls(level, torch.where(spread > STEADY * level.abs(), spread, 0.0))

    def apply(self, values: Tensor) -> Tensor:
        """Normalise (B, ...) working-space values."""
        shape = (-1, *[1] * (values.ndim - 1))
        divisor = torch.where(self.spread > 0, self.spread, 1.0)
        return (values - self.level.view(shape)) / divisor.view(shape)

    def undo(self, values: Tensor) -> Tensor:
        """Normalised (B, ...) values back to working space."""
        shape = (-1, *[1] * (values.ndim - 1))
        return self.level.view(shape) + self.spread.view(shape) * values


def features(scale: WindowScale, seen: Tensor, step: Tensor, logs: Tensor) -> Tensor:
    """What normalisation hides of B windows, (B, FEATURES), from seen (B, L), seasonal step and logs (B, 1).

    The spread in seasonal steps, the spread itself where it is of a logarithm, and the share observed.
    """
    in_steps = torch.log(scale.spread.clamp(min=TINY) / step.clamp(min=TINY)).clamp(-5, 5)
    relative = torch.where(logs, torch.log10(scale.spread.clamp(min=1e-4)), 0.0)
    return torch.cat((in_steps, relative, seen.double().mean(1, keepdim=True)), dim=1)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True).clamp(min=1.0)
