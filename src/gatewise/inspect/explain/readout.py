"""What a model makes of what its recurrent layer puts out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..credit.signals import SignalsOnly
from ..intercept import the_layer


@dataclass(frozen=True)
class Readout:
    """Numbers of a model as sums over the output of its recurrent layer. All in float64.

    weights: (K, T, B, P), what each number of the output counts. output: (T, B, P). beside: (K,) by name, what does not
    come from it.
    value: (K,), the numbers, as the model itself gives them.
    """

    weights: Tensor
    output: Tensor
    beside: Mapping[str, Tensor]
    value: Tensor


def linear_readout(model: nn.Module, x: Tensor, of: Callable[[Any], Tensor]) -> Readout:
    """How the model goes on from its recurrent layer, everything but signals held, as in `decompose`.

    model: holds one recurrent layer, of which it reads the output at every step, the first of what that returns.
    Raises ExplanationError for a product of two signals outside the layer.
    """
    layer: Any = the_layer(model, "")
    x = x.detach().clone().requires_grad_()
    ones = x.new_ones((), requires_grad=True)
    with torch.no_grad():
        number = of(model(x))
    with torch.enable_grad(), _cut(layer) as outputs, SignalsOnly(ones):
        value = of(model(x))
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    leaves = [outputs[0], x, ones, *weights]
    rows = [torch.autograd.grad(row, leaves, retain_graph=True, allow_unused=True) for row in value]
    slopes = [[_or_zero(slope, leaf) for slope, leaf in zip(row, leaves, strict=True)] for row in rows]
    read = torch.stack([row[0] for row in slopes])
    beside = {
        "what goes past the memory": torch.stack([_share(row[1], x) for row in slopes]),
        "biases after the memory": torch.stack([_shares(row[3:], weights) for row in slopes]),
        "constants of the model": torch.stack([_share(row[2], ones) for row in slopes]),
    }
    output = outputs[0].detach().double()
    if layer.batch_first:
        read, output = read.transpose(1, 2), output.transpose(0, 1)
    return Readout(read, output, beside, number.double())


@contextmanager
def _cut(layer: nn.Module) -> Generator[list[Tensor]]:
    """While it lasts, the layer's output is a leaf; it is kept in the list."""
    outputs: list[Tensor] = []
    run = layer.forward

    def forward(*arguments: Any, **more: Any) -> Any:
        with torch.no_grad(), torch._C.DisableTorchFunction():  # pyright: ignore[reportPrivateUsage]
            y, *states = run(*arguments, **more)
        outputs.append(y.detach().requires_grad_())
        return (outputs[0], *states)

    layer.forward = forward
    try:
        yield outputs
    finally:
        del layer.forward


def _or_zero(slope: Tensor | None, leaf: Tensor) -> Tensor:
    return torch.zeros_like(leaf, dtype=torch.float64) if slope is None else slope.double()


def _share(slope: Tensor, leaf: Tensor) -> Tensor:
    return (slope * leaf.detach().double()).sum()


def _shares(slopes: list[Tensor], leaves: list[nn.Parameter]) -> Tensor:
    return sum((_share(*pair) for pair in zip(slopes, leaves, strict=True)), torch.zeros((), dtype=torch.float64))
