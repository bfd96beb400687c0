"""A network with random weights, small enough for tests: what holds for it holds for every one."""

from __future__ import annotations

from functools import cache

import torch

from gatewise.models.forecast.pretrained.forward import Forward
from gatewise.models.forecast.pretrained.learning import Network
from gatewise.models.forecast.pretrained.network import Sizes


@cache
def network() -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Network(Sizes(hidden=16, layers=2, query=12)).eval()


@cache
def forward(reach: tuple[float, ...] = (), also: tuple[int, int] | None = None) -> Forward:
    weights = {name: tensor.numpy() for name, tensor in network().state_dict().items()}
    return Forward(Sizes.of(weights), weights, reach, also)
