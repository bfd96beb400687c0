"""Modules that treat every step by itself, and the cells that say what they do.

A linear layer is a cell without a memory; every other map is a cell without gates, whose state goes in and comes out
changed. So kernels, gradients, streams and exported files are derived from one step here too.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from ..declaration import cell
from ..equation import Cell
from ..errors import InputError


class Standardize(nn.Module):
    """``(x - mean) / scale`` for each feature: what a model does to its input first.

    Args:
        mean: (I,), of the training data; kept as a buffer.
        scale: (I,), such as the standard deviations of the training data, above 0; kept as a buffer.

    Raises:
        InputError: The two are not vectors of the same length, or a scale is not positive.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        mean, scale = torch.as_tensor(mean), torch.as_tensor(scale)
        if mean.shape != scale.shape or mean.dim() != 1:
            what = f"mean {tuple(mean.shape)} and scale {tuple(scale.shape)} are not one vector each"
            raise InputError(what, hint="give a number for each feature, torch.zeros(I) and torch.ones(I)")
        if not bool((scale > 0).all()):
            raise InputError("a scale is not positive", hint="leave out features that never change")
        self.register_buffer("mean", mean.detach().clone())
        self.register_buffer("scale", scale.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """Standardise every step.

        Args:
            x: (..., I).

        Returns:
            (..., I).
        """
        return standardize(x, self.mean, self.scale)


class Unstandardize(Standardize):
    """``x * scale + mean``, the inverse of `Standardize`: what a model does to its output last.

    Args:
        mean: (O,), of the targets in the training data; kept as a buffer.
        scale: (O,), such as the standard deviations of the targets, above 0; kept as a buffer.

    Raises:
        InputError: The two are not vectors of the same length, or a scale is not positive.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Bring every step to its own units.

        Args:
            x: (..., O).

        Returns:
            (..., O).
        """
        return unstandardize(x, self.mean, self.scale)


@cell(gates={"output": "W x + b"}, state="y")
def linear(a: Any) -> Any:
    """``nn.Linear``."""
    return a


@cell(gates={}, state="y", per_unit="mean scale")
def standardize(y: Any, mean: Any, scale: Any) -> Any:
    """`Standardize`."""
    return (y - mean) / scale


@cell(gates={}, state="y", per_unit="mean scale")
def unstandardize(y: Any, mean: Any, scale: Any) -> Any:
    """`Unstandardize`."""
    return y * scale + mean


@cell(gates={}, state="y")
def tanh(y: Any) -> Any:
    """``nn.Tanh``."""
    return torch.tanh(y)


@cell(gates={}, state="y")
def sigmoid(y: Any) -> Any:
    """``nn.Sigmoid``."""
    return torch.sigmoid(y)


@cell(gates={}, state="y")
def relu(y: Any) -> Any:
    """``nn.ReLU``."""
    return torch.relu(y)


@cell(gates={}, state="y")
def log_sigmoid(y: Any) -> Any:
    """``nn.LogSigmoid``."""
    return logsigmoid(y)


@cell(gates={}, state="y")
def identity(y: Any) -> Any:
    """``nn.Identity``, and ``nn.Dropout`` in evaluation."""
    return y


@cell(gates={}, state="y z")
def added(y: Any, z: Any) -> Any:
    """Two arrays as one: what a residual connection does."""
    return y + z, z


@cache
def layer_norm(eps: float) -> Cell:
    """``nn.LayerNorm`` over the features of a step: Ba, Kiros, Hinton, arXiv:1607.06450, equation 3, with PyTorch's
    epsilon."""

    def layer_norm(y: Any, weight: Any, bias: Any) -> Any:
        centred = y - y.mean(-1, keepdim=True)
        return centred / torch.sqrt((centred * centred).mean(-1, keepdim=True) + eps) * weight + bias

    declared = cell(gates={}, state="y", per_unit="weight bias")(layer_norm)
    return replace(declared, origin=(_layer_norm, (eps,)))


def _layer_norm(eps: float) -> Cell:
    return layer_norm(eps)
