"""One network of an ensemble on one window, as a module of a single tensor, so that credit can go to all of it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .ensemble import Ensemble
from .network import PatchLSTM
from .windows import Windows


class OneInput(nn.Module):
    """The network, called with (1, 2 * look_back + FEATURES): past, which of it was observed, and features."""

    def __init__(self, network: PatchLSTM, look_back: int) -> None:
        super().__init__()
        self.network, self.look_back = network, look_back

    def forward(self, x: Tensor) -> Tensor:
        """Normalised quantiles (1, horizon, Q)."""
        past, seen, about = x.split((self.look_back, self.look_back, x.shape[1] - 2 * self.look_back), dim=1)
        return self.network(past, seen.relu(), about)  # of what was seen nothing is negative: it is a gate


class Opened(NamedTuple):
    """number: which of the members it is. module, x: it, and what it reads. level, spread: of the window, in working
    space. median: (horizon,) float64, its own medians in working space."""

    number: int
    module: OneInput
    x: Tensor
    level: float
    spread: float
    median: Tensor


@torch.no_grad()
def opened(ensemble: Ensemble, window: Windows) -> Opened:
    """The member nearest to the forecast of all. window: of one series."""
    number = ensemble.nearest(window)
    scale, past, about = ensemble.normalised(window)
    x = torch.cat((past, window.seen.to(past.dtype), about), dim=1)
    module = OneInput(ensemble.members[number], past.shape[1]).eval()
    median = scale.undo(module(x).double())[0, :, ensemble.levels.index(0.5)]
    return Opened(number, module, x, float(scale.level), float(scale.spread), median)
