"""The driver that hands layers to torch's own kernels, where their law is torch's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from ...equation import Cell
from ..layer import Gradients, Layer, Saved, Seeds, States
from ..reference import LoopStepper
from ..torch_law import torch_mode
from .padding import Padding, Sizes
from .places import PLACES, WRONG, Place, kind_of

_MOST_PADDING = 4
"""Times as many rows: episodes of a long sequence and a short one side by side would need memory without end."""


class TorchDriver:
    """Runs LSTMs, GRUs and plain RNNs without options inside the step; a call of torch for each layer and direction.

    Args:
        places: by kind of device, what of torch's runs there.
    """

    name: ClassVar = "torch"
    keeps_bits: ClassVar = False
    traceable: ClassVar = False  # cuDNN keeps what it likes, and no state but the output
    texts: ClassVar[Mapping[str, Callable[[Cell], str]]] = {}

    def __init__(self, places: Mapping[str, Place] = PLACES) -> None:
        self.places = places

    def working_dtype(self, cell: Cell, like: Tensor) -> torch.dtype | None:
        """That of the weights, for any cell: whoever runs the others there computes in it too."""
        place = self.places.get(kind_of(like))
        return like.dtype if place and like.dtype in place.dtypes else None

    def product_dtype(self, cell: Cell, working: torch.dtype, results: torch.dtype) -> torch.dtype:
        """That of everything else."""
        return working

    def refusal(self, cell: Cell, layer: Layer) -> str:
        """Other laws, and whatever torch's kernels are wrong at."""
        kind = kind_of(layer.x)
        place = self.places.get(kind)
        if place is None:
            return WRONG.get(kind, f"no kernel for device {kind}")
        if not torch_mode(cell):
            return "no layer of torch.nn has this law"
        if not layer.x.shape[1]:
            return "torch's layers need an input"
        if layer.x.dtype not in place.dtypes:
            return f"{place.name} is not used in {layer.x.dtype}"
        if (times := _padding_of(layer)) > _MOST_PADDING:
            return f"padded to the longest, its sequences would be {times:,.0f} times as large"
        return place.refusal(layer)

    def manner(self, cell: Cell, layer: Layer) -> str:
        """Whose kernel, and what it is given."""
        place, mode = self.places[kind_of(layer.x)], torch_mode(cell)
        own, sizes = _sizes(layer), self._padded(cell, layer)
        text = f"{place.name}'s {mode}"
        if sizes != own:
            wider = zip("BIH", own, sizes, strict=True)
            text += " with " + ", ".join(f"{name} {a} padded to {b}" for name, a, b in wider if a != b)
        return text if layer.batch_sizes is None else f"{text}, sequences padded and masked"

    def kept_width(self, cell: Cell, units: int) -> int:
        """Nothing that others could read."""
        return 0

    def _padded(self, cell: Cell, layer: Layer) -> Sizes:
        place = self.places[kind_of(layer.x)]
        return place.calls.padded(torch_mode(cell), _sizes(layer), layer.x.dtype)

    def _padding(self, cell: Cell, layer: Layer) -> Padding:
        return Padding(cell, layer, torch_mode(cell), self._padded(cell, layer))

    def forward(self, cell: Cell, layer: Layer, *, keep: bool) -> States:
        """By one call. What is kept of the gates is the kernels' own, and histories are not kept."""
        padding, calls = self._padding(cell, layer), self.places[kind_of(layer.x)].calls
        ran = calls.forward(torch_mode(cell), padding.dense(), keep=keep)
        y = padding.rows_of(ran.y)
        kept = y.new_empty(0) if ran.kept is None else ran.kept
        return States(y, padding.last(y, ran.states), kept, y.new_empty(len(cell.state) - 1, 0, layer.units))

    def backward(self, cell: Cell, layer: Layer, saved: Saved, seeds: Seeds, *, input_gradient: bool) -> Gradients:
        """By one call."""
        padding, calls = self._padding(cell, layer), self.places[kind_of(layer.x)].calls
        d_y, d_states = padding.seeds(seeds)
        dense, y = padding.dense(), padding.outputs(saved.y)
        found = calls.backward(torch_mode(cell), dense, y, saved.gates, d_y, d_states)
        return padding.gradients(found, seeds, input_gradient=input_gradient)

    def small(self, cell: Cell, dtype: torch.dtype) -> None:
        """None: small layers are run as any others."""

    def stepper(self, cell: Cell, layer: Layer, states: Tensor | None = None) -> LoopStepper:
        """The loop's: a call for every step would cost more."""
        return LoopStepper(cell, layer, states)


def _padding_of(layer: Layer) -> float:
    """How many times as many rows there are where all sequences are as long as the longest."""
    if layer.batch_sizes is None:
        return 1.0
    return layer.steps * layer.rows / max(1, int(layer.batch_sizes.sum()))


def _sizes(layer: Layer) -> Sizes:
    return Sizes(layer.rows, layer.x.shape[1], layer.units)


TORCH = TorchDriver()
