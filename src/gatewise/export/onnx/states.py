"""The states of a module as inputs and outputs of a file: what they are called, and their numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...nn.recurrent import Recurrent
from ...nn.states import started


class Held(NamedTuple):
    """One state of layers whose states are equally wide: an input and an output of the model, (L * D, B, H).

    given, last: its names as input and output. state: its place among the cell's. layers: which. width: H, or P.
    """

    given: str
    last: str
    state: int
    layers: range
    width: int

    def places(self, module: Recurrent) -> list[int]:
        """Which of the module's places it is of, in order."""
        return [at for at, place in enumerate(module.places) if place.layer in self.layers]


def held(module: Recurrent, prefix: str) -> list[Held]:
    """The states of a module: ``h_0`` and ``h_n``, or for layers of different sizes ``h_0_l0`` and ``h_n_l0``."""
    widths = [module.widths(place) for place in module.places if not place.reverse]
    groups = {"": range(len(widths))}
    if any(width != widths[0] for width in widths):
        groups = {f"_l{layer}": range(layer, layer + 1) for layer in range(len(widths))}
    return [
        Held(f"{prefix}{name}_0{suffix}", f"{prefix}{name}_n{suffix}", state, layers, widths[layers[0]][state])
        for state, name in enumerate(module.cell.state)
        for suffix, layers in groups.items()
    ]


def started_states(module: Recurrent, state: Held) -> Tensor:
    """What a state starts from where none is given, learned or the cell's own, (L * D, 1, H)."""
    with torch.no_grad():
        like = getattr(module, f"weight_ih{module.places[0].suffix}").detach()
        every = [started(module, module.places[at], 1, like)[state.state] for at in state.places(module)]
        return torch.stack(every)


def state_of(module: Recurrent, hx: Any, state: Held) -> Tensor:
    """A state out of those that a module takes and gives, (L * D, B, H)."""
    mine = hx[state.state] if len(module.cell.state) > 1 else hx
    return torch.stack([mine[at] for at in state.places(module)])
