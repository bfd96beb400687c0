"""Who carries the layers of a module through time: the kernels, or somebody who looks on or has them run otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from torch import Tensor

from ..equation import Cell
from ..kernels.dispatch import sequence
from ..kernels.layer import Layer
from ..kernels.reference import States
from .batch import Batch
from .by_rows import step
from .weights import Place

if TYPE_CHECKING:
    from .recurrent import Recurrent


class Run(NamedTuple):
    """y: the outputs (N, K). last: the last value of each state, (B, K). seen: its values at every row, (N, K), where
    they were asked for."""

    y: Tensor
    last: list[Tensor]
    seen: list[Tensor]


class Runner(Protocol):
    """Runs one layer in one direction, whose rows lie in the order in which that direction reads them."""

    def sequence(self, key: str, layer: Layer, *, histories: bool) -> States:
        """All steps, as :func:`gatewise.kernels.dispatch.sequence`; each head by itself, where there are several."""
        ...

    def step(self, cell: Cell, layer: Layer, rows: slice, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """A first step that reads an output as it is given, as :func:`.by_rows.step`."""
        ...

    def done(self, found: Run) -> None:
        """Told what the layer gave in the end: projected, and with time in the input's own order."""
        ...


class Watch(Protocol):
    """Attached to a module, it says who runs its layers."""

    def at(self, module: Recurrent, place: Place, batch: Batch) -> Runner:
        """Who runs this layer in this direction."""
        ...


class Plain:
    """The kernels themselves."""

    sequence = staticmethod(sequence)
    step = staticmethod(step)

    def done(self, found: Run) -> None:
        """Nobody asks."""


PLAIN = Plain()
