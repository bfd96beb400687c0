"""What a driver is: something that runs layers on a kind of device, and says in words which it runs and which not.

A new driver is a folder beside ``cpu/`` and a line in :data:`.choice.DRIVERS`; nothing else knows which drivers exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Protocol, TypeAlias

import torch
from torch import Tensor

from ..equation import Cell
from .layer import Gradients, Layer, Saved, Seeds, States
from .small import Passes

Halves: TypeAlias = tuple[Tensor, Tensor]
"""What a step reads, or writes, that goes on from the first half of the states, and from the second: (B, K) each."""


class Driver(Protocol):
    """Runs the layers that it does not refuse.

    name: what :meth:`gatewise.nn.Recurrent.driver` calls it. keeps_bits: whether a row has the same bits alone and in
    any batch, chunk or stream; maps between layers then run on it too, and streams can be made. traceable: whether what
    it keeps for backward has shapes that are known before it runs, every state of every step among it; where not,
    layers in graphs, second derivatives, and whoever wants those states go to another driver. texts: code of a cell for
    people to read, by the name of the form, as ``gatewise show`` prints it.

    Layers reach ``forward``, ``backward`` and ``stepper`` validated and contiguous, and always in ``working_dtype``.
    """

    name: ClassVar[str]
    keeps_bits: ClassVar[bool]
    traceable: ClassVar[bool]
    texts: ClassVar[Mapping[str, Callable[[Cell], str]]]

    def working_dtype(self, cell: Cell, like: Tensor) -> torch.dtype | None:
        """The dtype in which it computes a cell whose weights are like this tensor; None where it does not."""
        ...

    def product_dtype(self, cell: Cell, working: torch.dtype, results: torch.dtype) -> torch.dtype:
        """The dtype in which it wants W and U of a cell that it computes in ``working``, for results in a dtype."""
        ...

    def refusal(self, cell: Cell, layer: Layer) -> str:
        """Why it does not run this layer, as a clause; empty where it does.

        Asked at every call, so it must be quick; and again before backward, so its answer must stay the same.
        """
        ...

    def manner(self, cell: Cell, layer: Layer) -> str:
        """How it runs a layer that it does not refuse, as a clause."""
        ...

    def kept_width(self, cell: Cell, units: int) -> int:
        """How many numbers of every row its backward reads beside the states: K of :class:`.layer.States`."""
        ...

    def forward(self, cell: Cell, layer: Layer, *, keep: bool) -> States:
        """Run over all of time; ``keep`` what backward reads. What it returns shares no memory with the layer.

        A driver that is not traceable gives no histories, and for the gates whatever it alone can read.
        """
        ...

    def backward(self, cell: Cell, layer: Layer, saved: Saved, seeds: Seeds, *, input_gradient: bool) -> Gradients:
        """Gradients of everything in the layer; that of x has length 0 without ``input_gradient``."""
        ...

    def small(self, cell: Cell, dtype: torch.dtype) -> Passes | None:
        """Passes of small layers whose tensors are :func:`.small.is_bare`; None where it has none."""
        ...

    def stepper(self, cell: Cell, layer: Layer, states: Tensor | None = None) -> Stepper:
        """The layer carried on step by step, from its states. states: where they are kept, see :class:`Stepper`."""
        ...


class Stepper(Protocol):
    """A layer carried on one step at a time, with the weights that it was made with.

    The states are kept twice, (2, S, B, H): ``steps[half]()`` reads ``states[half]`` and writes ``states[1 - half]``.
    """

    @property
    def cell(self) -> Cell: ...  # noqa: D102

    @property
    def states(self) -> Tensor: ...  # noqa: D102

    @property
    def steps(self) -> Sequence[Callable[[], object]]: ...  # noqa: D102

    def reads(self, name: str) -> bool:
        """Whether a step reads this array: the input, or a state one step ago."""
        ...

    def read_from(self, name: str, source: Halves) -> None:
        """From now on read an array from there; rows of states one step ago are as far apart as in ``states``."""
        ...

    def feeds(self, name: str) -> Sequence[Callable[[Tensor], object]]:
        """For each half, a function that lets the next step read an array from a contiguous tensor (B, K)."""
        ...

    def outputs(self, half: int) -> Tensor:
        """What the step that reads this half writes, (B, H)."""
        ...
