"""One layer of one cell at one size, forward alone or with its gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gatewise.equation import Cell
from gatewise.kernels.layer import Layer
from gatewise.nn import Recurrent
from gatewise.nn.layer_run import assembled, wide_states

from .shapes import Shape

# What parity compares: the outputs, and in training the gradients of x, W and U.
Result = tuple[Any, ...]
Call = Callable[[], Result]


@dataclass
class Workload:
    """module: ours, which all peers take their weights from. x: (T, B, I). seed: gradient of the outputs. dtype: of
    all of them."""

    cell: Cell
    shape: Shape
    training: bool
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    dtype: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        steps, batch, inputs, units = self.shape
        beside = len(self.cell.row_inputs)
        self.module = Recurrent(self.cell, inputs + beside, units, dtype=self.dtype, **self.options)
        self.module.train(self.training)
        x, numbers = torch.randn(steps, batch, inputs), torch.rand(steps, batch, beside)  # such as time that has passed
        self.x = torch.cat((x, numbers), 2).to(self.dtype)
        self.seed = (torch.randn(steps, batch, units) / (steps * batch)).to(self.dtype)

    @property
    def weights(self) -> dict[str, Tensor]:
        """The module's weights by their names without suffix, as leaves of their own."""
        named = {name.removesuffix("_l0"): weight for name, weight in self.module.named_parameters()}
        return {name: weight.detach().clone().requires_grad_(self.training) for name, weight in named.items()}

    @property
    def operations(self) -> float:
        """In matrix products, of one call."""
        return self.shape.operations(self.cell, training=self.training)

    def layer(self, x: Tensor, weights: dict[str, Tensor]) -> Layer:
        """What a driver is given; random masks are those of evaluation."""
        place, (_, batch, _, units) = self.module.places[0], self.shape
        states = wide_states(self.module.starts(place, batch, x), x.new_zeros(batch, units))
        wide = self.module.wide_weights(place, weights)
        return assembled(self.module.cell, wide, x.flatten(0, 1), states, training=False)

    def call(self, forward: Callable[[Tensor], Tensor], weight_ih: Tensor, weight_hh: Tensor) -> Call:
        """What is timed, for anything that torch differentiates."""
        return self._training(forward, weight_ih, weight_hh) if self.training else self._inference(forward)

    def _inference(self, forward: Callable[[Tensor], Tensor]) -> Call:
        def call() -> Result:
            with torch.no_grad():
                return (forward(self.x),)

        return call

    def _training(self, forward: Callable[[Tensor], Tensor], weight_ih: Tensor, weight_hh: Tensor) -> Call:
        x = self.x.clone().requires_grad_()

        def call() -> Result:
            x.grad = weight_ih.grad = weight_hh.grad = None
            y = forward(x)
            y.backward(self.seed)
            return y.detach(), x.grad, weight_ih.grad, _gradient(weight_hh)

        return call

    def ours(self) -> Call:
        """Through the public module, all of its checks included."""
        module = self.module
        return self.call(lambda x: module(x)[0], module.weight_ih_l0, module.weight_hh_l0)


def _gradient(weight: Tensor) -> Tensor:
    """Zeros where a cell multiplies nothing with it."""
    return torch.zeros_like(weight) if weight.grad is None else weight.grad
