"""Random models as people export them: what they are made of is drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from gatewise.equation import Cell
from gatewise.nn import Chain, Recurrent, Standardize, Unstandardize

HEADS: dict[str, Callable[[int], nn.Module]] = {
    "Tanh": lambda _: nn.Tanh(),
    "Sigmoid": lambda _: nn.Sigmoid(),
    "ReLU": lambda _: nn.ReLU(),
    "LogSigmoid": lambda _: nn.LogSigmoid(),
    "Unstandardize": lambda width: Unstandardize(torch.randn(width), torch.rand(width) + 0.5),
    "LayerNorm": lambda width: nn.LayerNorm(width),
}
"""What may stand after the linear layer, by name; LayerNorm over at least four numbers."""


class Drawn(NamedTuple):
    """A model and its size."""

    model: Chain
    inputs: int
    about: str


def drawn(cell: Cell, seed: int) -> Drawn:
    """The model of this cell and seed: one to three layers of 1 to 64 units, 1 to 8 inputs; half of them standardize
    first, most have a linear head, and of those most a map after it. Weights as a new module has them."""
    choice = random.Random(f"{cell.name} {seed}")
    torch.manual_seed(choice.getrandbits(32))
    inputs, units, layers = choice.randint(1, 8), choice.randint(1, 64), choice.choice((1, 1, 1, 2, 3))
    before = [Standardize(torch.randn(inputs), torch.rand(inputs) + 0.5)] if choice.random() < 0.5 else []
    after = _head(choice, units)
    names = " ".join(type(part).__name__ for part in (*before, *after))
    about = f"{cell.name} {seed}: {inputs} to {units}, {layers} layers, {names}".strip(", ")
    return Drawn(Chain(*before, Recurrent(cell, inputs, units, layers), *after).eval(), inputs, about)


def _head(choice: random.Random, units: int) -> list[nn.Module]:
    if choice.random() < 0.2:
        return []
    width, name = choice.randint(1, 16), choice.choice(("", *HEADS))
    if name == "LayerNorm":  # of a few numbers it is their sign
        width += 3
    return [nn.Linear(units, width), *([HEADS[name](width)] if name else [])]
