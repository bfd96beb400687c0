"""What the networks minimise: the pinball loss, weighted so that every series counts alike."""

from __future__ import annotations

import torch
from torch import Tensor

from .scaling import TINY, Scale
from .windows import Windows


def pinball(error: Tensor, levels: Tensor) -> Tensor:
    """The loss whose minimum is at the quantiles ``levels`` (Q,), for errors (..., Q): its mean over them, (...)."""
    return torch.maximum(levels * error, (levels - 1) * error).mean(-1)


def error_weights(windows: Windows, scale: Scale, typical_step: float) -> Tensor:
    """What an error of one spread costs, (B, 1): its size in the series' own seasonal steps, as in MASE.

    Of a series read as its logarithm half the cost is the relative size of the error, as in sMAPE, made
    comparable by ``typical_step``, the panel's mean seasonal step. As weights depend on the window's past only,
    they leave the best quantiles where they are.
    """
    scaled = scale.spread / (windows.seasonal_step + 0.05 * scale.spread).clamp(min=TINY)
    relative = scale.spread / max(typical_step, TINY)
    return torch.where(windows.logs, (scaled + relative) / 2, scaled)
