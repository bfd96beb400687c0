"""The optimiser of every estimator."""

from __future__ import annotations

import torch
from torch import nn


def adamw(module: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """Loshchilov & Hutter, Decoupled Weight Decay Regularization, arXiv:1711.05101, for all weights of a module.

    Fused: one pass over the weights in place of torch's dozen, and one call for all of them. The bits are the same for
    any number of threads.
    """
    return torch.optim.AdamW(module.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True)
