"""Training of the forecasting network: its loss, and the loop."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ....training import timed
from ....training.schedule import Schedule
from ....training.sources import Drawn
from ....training.timed import Report
from ....training.trainer import Trained
from .scaling import TINY, WindowScale
from .windows import Windows


def pinball(error: Tensor, levels: Tensor) -> Tensor:
    """The loss whose minimum is at the quantiles ``levels`` (Q,), for errors (..., Q): its mean over them, (...)."""
    return torch.maximum(levels * error, (levels - 1) * error).mean(-1)


def error_weights(windows: Windows, scale: WindowScale, typical_step: float) -> Tensor:
    """What an error of one spread costs, (B, 1): its size in the series' own seasonal steps, as in MASE.

    Of a series read as its logarithm half the cost is the relative size of the error, as in sMAPE, made
    comparable by ``typical_step``, the panel's mean seasonal step. As weights depend on the
    window's past and on the series that were trained on, and not on what follows, they leave the best quantiles where
    they are.
    """
    scaled = scale.spread / (windows.seasonal_step + 0.05 * scale.spread).clamp(min=TINY)
    relative = scale.spread / max(typical_step, TINY)
    return torch.where(windows.logs, (scaled + relative) / 2, scaled)


def window_loss(
    quantiles: Tensor,
    windows: Windows,
    scale: WindowScale,
    levels: Tensor,
    typical_step: float,
    counted: Tensor | None = None,
) -> Tensor:
    """The pinball loss of quantiles (B, horizon, Q) of windows on this scale, weighted by `error_weights`.

    levels: (Q,). counted: which of the futures count, bool (B, horizon); None for all that are known.
    """
    counted = windows.known if counted is None else counted
    error = scale.apply(windows.future).float()[..., None] - quantiles
    weights = error_weights(windows, scale, typical_step).float() * counted
    return (pinball(error, levels) * weights).sum() / counted.sum().clamp(min=1)


def train(
    module: nn.Module,
    loss: Callable[[], Tensor],
    schedule: Schedule,
    *,
    seed: int = 0,
    progress: Report | None = None,
) -> Trained:
    """Fit ``module`` in place and leave it in evaluation mode with averaged weights.

    loss: draws a fresh batch and returns its scalar loss. seed: governs dropout and whatever else ``loss`` draws
    from torch's global generator, which is left as it was found. At least one step is made, however short the
    time. Raises DivergedError on a loss or gradient that is not finite.
    """
    nothing = Drawn(lambda generator: None)
    return timed.train(module, lambda module, batch: loss(), nothing, schedule, seed=seed, progress=progress)
