"""What can be set in a run: numbers of the step, and states of another run in the place of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ...errors import InputError
from ...nn.recurrent import Recurrent
from ..recorded.record import Record
from .held import settable, value_called


@dataclass(frozen=True)
class Clamp:
    """Set a gate, a state, or any value of the step by its name, wherever the step reads it.

    value: a number, or a tensor that broadcasts to (steps, sequences, units) as chosen. units, batch: which, by
    default all. span: (first, end) in the input's time, end not in it; by default every step.
    """

    name: str
    value: float | Tensor
    units: Sequence[int] | None = None
    span: tuple[int, int] | None = None
    layer: int = 0
    direction: int = 0
    batch: Sequence[int] | None = None


@dataclass(frozen=True)
class Patch:
    """Put the state that another run had after a step in the place of this run's.

    record: of the other run, of as many sequences, or of one for all. at: the step. source: the other run's step, by
    default the same. units, batch: which, by default all; of the other run the same.
    """

    state: str
    record: Record
    at: int
    source: int | None = None
    units: Sequence[int] | None = None
    layer: int = 0
    direction: int = 0
    batch: Sequence[int] | None = None

    def clamp(self) -> Clamp:
        """The same as a clamp. Raises InputError for a state or step that the other run does not have."""
        source = self.at if self.source is None else self.source
        states = self.record.layer(self.layer, self.direction).states
        if self.state not in states:
            raise InputError(f"the other run has no state {self.state!r}", hint=f"it has {', '.join(states)}")
        values = states[self.state]
        if not 0 <= source < len(values):
            raise InputError(f"the other run has no step {source}", hint=f"it has steps 0 to {len(values) - 1}")
        value = values[source : source + 1]
        if self.batch is not None and value.shape[1] > 1:
            value = value[:, list(self.batch)]
        value = value if self.units is None else value[..., list(self.units)]
        span = (self.at, self.at + 1)
        return Clamp(self.state, value, self.units, span, self.layer, self.direction, self.batch)


def check_clamps(module: Recurrent, clamps: Sequence[Clamp]) -> None:
    """Raises InputError for a layer or a name that there is not."""
    directions = 2 if module.bidirectional else 1
    for clamp in clamps:
        if not (0 <= clamp.layer < module.num_layers and 0 <= clamp.direction < directions):
            raise InputError(f"there is no layer {clamp.layer}, direction {clamp.direction} to set {clamp.name!r} in")
        value = value_called(module.cell, clamp.name)
        if module.proj_size and value == settable(module.cell)[module.cell.state[0]]:
            raise InputError(
                f"{clamp.name!r} is projected after the step, so it cannot be set in it",
                hint="set a gate or the memory",
            )
