"""The inputs, outputs and states of an ONNX model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from ...nn.chain import Chain
from ...nn.recurrent import Recurrent


class StateGroup(NamedTuple):
    """One state of layers whose states are equally wide: an input and an output of the model, (L * D, B, H).

    initial, last: its names as input and output. state: its index among the cell's states. layers: of the module.
    width: H, or P.
    """

    initial: str
    last: str
    state: int
    layers: range
    width: int

    def places(self, module: Recurrent) -> list[int]:
        """The indices of its layers and directions among the module's places, in order."""
        return [at for at, place in enumerate(module.places) if place.layer in self.layers]


def state_groups(module: Recurrent, prefix: str) -> list[StateGroup]:
    """The states of a module: ``h_0`` and ``h_n``, or for layers of different sizes ``h_0_l0`` and ``h_n_l0``."""
    widths = [module.widths(place) for place in module.places if not place.reverse]
    groups = {"": range(len(widths))}
    if any(width != widths[0] for width in widths):
        groups = {f"_l{layer}": range(layer, layer + 1) for layer in range(len(widths))}
    return [
        StateGroup(f"{prefix}{name}_0{suffix}", f"{prefix}{name}_n{suffix}", state, layers, widths[layers[0]][state])
        for state, name in enumerate(module.cell.state)
        for suffix, layers in groups.items()
    ]


def initial_states(module: Recurrent, group: StateGroup) -> Tensor:
    """The states that the module starts from by itself, learned or the cell's own, (L * D, 1, H)."""
    with torch.no_grad():
        like = getattr(module, f"weight_ih{module.places[0].suffix}").detach()
        states = [module.full_starts(module.places[at], 1, like)[group.state] for at in group.places(module)]
        return torch.stack(states)


def state_of(module: Recurrent, hx: Any, group: StateGroup) -> Tensor:
    """A group's part of the states that a module takes and returns, (L * D, B, H)."""
    layers = hx[group.state] if len(module.cell.state) > 1 else hx
    return torch.stack([layers[at] for at in group.places(module)])


# Sizes, and names of dimensions that are known only when the model runs.
Shape: TypeAlias = "tuple[int | str, ...]"

INPUT, LENGTHS, OUTPUT = "x", "lengths", "y"


class PartState(NamedTuple):
    """One group of states of one part of the chain."""

    part: int
    module: Recurrent
    group: StateGroup

    def shape(self, batch: str) -> Shape:
        """(L * D, B, H)."""
        return len(self.group.places(self.module)), batch, self.group.width


@dataclass(frozen=True)
class Interface:
    """What the model takes and gives.

    features: I. states: of each recurrent part. ragged: whether it takes lengths. optional: whether states may be left
    out.
    """

    chain: Chain
    features: int
    states: tuple[PartState, ...]
    ragged: bool
    optional: bool

    @property
    def batch_first(self) -> bool:
        """Whether input and output are (B, T, ...)."""
        return any(part.batch_first for part in self.chain.recurrent)

    @property
    def x(self) -> Shape:
        """The shape of the input."""
        return self._sequence(self.features)

    @property
    def y(self) -> Shape:
        """The shape of the output."""
        return self._sequence(self.chain.output_size)

    def _sequence(self, features: int) -> Shape:
        return ("batch", "time", features) if self.batch_first else ("time", "batch", features)


def interface_of(chain: Chain, *, ragged: bool, optional: bool) -> Interface:
    """The interface of a chain. Raises InputError where no part tells how wide the input is."""
    several = len(chain.recurrent) > 1
    states = [
        PartState(at, part, group)
        for at, part in enumerate(chain.parts)
        if isinstance(part, Recurrent)
        for group in state_groups(part, f"part{at}_" if several else "")
    ]
    return Interface(chain, chain.input_size, tuple(states), ragged, optional)
