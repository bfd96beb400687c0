"""What an ONNX model takes and gives: inputs, outputs and states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from ...nn.chain import Chain
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


# A dimension: its size, or the name of one that is known when the model runs.
Shape: TypeAlias = "tuple[int | str, ...]"

INPUT, LENGTHS, OUTPUT = "x", "lengths", "y"


class Started(NamedTuple):
    """One state of one part of the chain."""

    part: int
    module: Recurrent
    state: Held

    def shape(self, batch: str) -> Shape:
        """(L * D, B, H)."""
        return len(self.state.places(self.module)), batch, self.state.width


@dataclass(frozen=True)
class Plan:
    """What the model will look like from outside. states: of each recurrent part, with the part. ragged: whether it
    takes lengths. optional: whether states need not be given."""

    chain: Chain
    features: int
    states: tuple[Started, ...]
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
        for part in reversed(self.chain.parts):
            if isinstance(part, nn.Linear):
                return self._sequence(part.out_features)
            if isinstance(part, Recurrent):
                last = part.places[-1]
                return self._sequence((2 if part.bidirectional else 1) * (part.proj_size or last.units))
        return self.x

    def _sequence(self, features: int) -> Shape:
        return ("batch", "time", features) if self.batch_first else ("time", "batch", features)


def planned(chain: Chain, *, ragged: bool, optional: bool) -> Plan:
    """Raises InputError where no part says how wide the input is."""
    recurrent = chain.recurrent
    states: list[Started] = []
    for at, part in enumerate(chain.parts):
        if isinstance(part, Recurrent):
            prefix = f"part{at}_" if len(recurrent) > 1 else ""
            states += [Started(at, part, each) for each in held(part, prefix)]
    return Plan(chain, chain.input_size, tuple(states), ragged, optional)
