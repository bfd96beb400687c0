"""Regularisers of a recurrent network's output, to be added to a loss.

Merity, McCann, Socher, Revisiting Activation Regularization for Language RNNs, arXiv:1708.01009, section 3.
"""

from __future__ import annotations

from torch import Tensor

from ..errors import ShapeError


def activation(y: Tensor, alpha: float) -> Tensor:
    """alpha times the mean square of y, (): large outputs cost (AR).

    y: outputs of the last layer after dropout, of any shape. The paper writes the norm of each output, its code, and
    all that have used it, this mean; the paper's language models take alpha = 2.
    """
    return alpha * y.square().mean()


def temporal_activation(y: Tensor, beta: float) -> Tensor:
    """beta times the mean square of y[t + 1] - y[t], (): quick changes cost (TAR).

    y: outputs of the last layer before dropout, (T, B, H), time first. Zero where there is one step only. The paper's
    language models take beta = 1. Raises ShapeError where there is no time axis.
    """
    if y.dim() < 2:
        raise ShapeError(f"outputs are (T, B, H) or (T, H), not of shape {tuple(y.shape)}")
    change = y[1:] - y[:-1]
    return beta * change.square().sum() / max(1, change.numel())
