"""What a program is here: a training step, made with a library's classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

Library: TypeAlias = Any
"""torch.nn or gatewise.nn: whose LSTM, GRU, RNN, LSTMCell, GRUCell and RNNCell a program is made with."""

Step: TypeAlias = Callable[[], Tensor]
"""One step of training, which returns its loss."""

Program: TypeAlias = Callable[[Library], Step]

_RATE, _LARGEST_NORM = 0.01, 1.0


def trained(loss: Step, *modules: nn.Module) -> Step:
    """Loss, gradients, clipped, and a step of gradient descent on the weights of these modules."""
    weights = list(nn.ModuleList(modules).train().parameters())
    optimizer = torch.optim.SGD(weights, _RATE)

    def step() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        nn.utils.clip_grad_norm_(weights, _LARGEST_NORM)
        optimizer.step()
        return value.detach()

    return step
