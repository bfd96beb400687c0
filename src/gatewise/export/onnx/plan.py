"""What a file will look like from outside: inputs and outputs, their names and shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from torch import nn

from ...nn.chain import Chain
from ...nn.recurrent import Recurrent
from .states import Held, held

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
