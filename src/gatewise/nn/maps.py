"""Modules that treat every step by itself, and the programs that say what they do.

A map other than a linear layer is a program over one row: ``x``, and vectors of one number for each feature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from ..compiler.lower import lower
from ..compiler.program import Program
from ..compiler.stages import INPUT
from ..equation import Value, cell
from ..errors import InputError
from ..kernels.dispatch import sequence
from ..kernels.layer import Layer
from ..kernels.registry import register


class Standardize(nn.Module):
    """``(x - mean) / scale`` for each feature: what a model does to its input first.

    mean, scale: (I,), numbers of the training data, kept as buffers. Raises InputError for a scale that is not
    positive.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        mean, scale = torch.as_tensor(mean), torch.as_tensor(scale)
        if mean.shape != scale.shape or mean.dim() != 1:
            raise InputError(f"mean {tuple(mean.shape)} and scale {tuple(scale.shape)} are not one vector each")
        if not bool((scale > 0).all()):
            raise InputError("a scale is not positive", hint="leave out features that never change")
        self.register_buffer("mean", mean.detach().clone())
        self.register_buffer("scale", scale.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., I)."""
        return (x - self.mean) / self.scale


class Unstandardize(Standardize):
    """``x * scale + mean``, the way back: what a model does to its output last."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., I)."""
        return x * self.scale + self.mean


class Map(NamedTuple):
    """What a module does to one row. step: in the language of cells. vectors: names of the module's own vectors that
    it takes after ``x``, None standing for one that a module may lack. numbers: names of attributes that it takes last.
    """

    step: Callable[..., Any]
    vectors: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


def _layer_norm(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Ba, Kiros, Hinton, Layer Normalization, arXiv:1607.06450, equation 3, with PyTorch's epsilon."""
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred * centred).mean(-1, keepdim=True) + eps) * weight + bias


MAPS: dict[type[nn.Module], Map] = {
    Standardize: Map(lambda x, mean, scale: (x - mean) / scale, ("mean", "scale")),
    Unstandardize: Map(lambda x, mean, scale: x * scale + mean, ("mean", "scale")),
    nn.LayerNorm: Map(_layer_norm, ("weight", "bias"), ("eps",)),
    nn.Tanh: Map(torch.tanh),
    nn.Sigmoid: Map(torch.sigmoid),
    nn.ReLU: Map(torch.relu),
    nn.LogSigmoid: Map(logsigmoid),
    nn.Identity: Map(lambda x: x),
    nn.Dropout: Map(lambda x: x),
}
"""What a chain may hold beside linear and recurrent layers, as it is in evaluation mode."""


def program_of_map(module: nn.Module) -> Program:
    """What the module does to one row: inputs ``x`` and its vectors by name, output ``y``."""
    found = MAPS[type(module)]
    return _program(type(module), tuple(getattr(module, name) for name in found.numbers))


@cache
def _program(kind: type[nn.Module], numbers: tuple[float, ...]) -> Program:
    found = MAPS[kind]
    symbols = [Value("input", label=name) for name in (INPUT, *found.vectors)]
    return lower(kind.__name__, (INPUT, *found.vectors), {"y": found.step(*symbols, *numbers)}, {})


def vectors_of_map(module: nn.Module) -> Mapping[str, Tensor]:
    """The vectors of :func:`program_of_map`, (I,) each; a module without a weight has ones, without a bias zeros."""
    return {name: _vector(module, name) for name in MAPS[type(module)].vectors}


def _vector(module: nn.Module, name: str) -> Tensor:
    found = getattr(module, name)
    if found is not None:
        return found.detach()
    assert isinstance(module, nn.LayerNorm)
    weight = getattr(module, "weight", None)
    make = torch.ones if name == "weight" else torch.zeros
    return make(tuple(module.normalized_shape), dtype=None if weight is None else weight.dtype)


@cell(gates={"output": "W x + b"}, state="y")
def linear(a: Any) -> Any:
    """A linear layer: a cell without a memory."""
    return a


def layer_of(module: nn.Linear, rows: Tensor) -> Layer:
    """One step of it for all rows (N, I) at once, as kernels take a layer."""
    W, b, nothing = module.weight, module.bias, rows.new_empty(0)
    wide = nothing.reshape(0, W.shape[0])
    start, noise = rows.new_zeros(1, len(rows), W.shape[0]), rows.new_empty(0, 1, W.shape[0])
    bias = rows.new_zeros(len(W)) if b is None else b  # pyright: ignore[reportUnnecessaryComparison] - bias=False
    return Layer(rows, W, wide, bias, wide, start, noise, noise, None)


def apply_linear(module: nn.Linear, x: Tensor) -> Tensor:
    """The linear layer (..., I) to (..., O) by the kernels that run cells: each row's bits are its own, whatever else
    is in the batch."""
    rows = x.reshape(-1, x.shape[-1])
    return sequence(register(linear), layer_of(module, rows)).y.reshape(*x.shape[:-1], -1)
