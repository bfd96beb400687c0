"""The driver of GPUs: kernels derived from the step, compiled by Triton."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import ClassVar

import torch
from torch import Tensor

from ...compiler.gradient import kept_width
from ...compiler.lower import program_of
from ...equation import Cell
from ..layer import Gradients, Layer, Saved, Seeds, States
from ..reference import LoopStepper
from . import passes
from .build import Kernels
from .emit import module_text
from .passes import Way
from .plan import backward_plan, forward_plan

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
_MOST_UNITS = 16_384
"""Of a row that one program holds."""


HAS_TRITON = find_spec("triton") is not None
"""Whether it is installed; importing it takes long."""


@lru_cache(maxsize=256)
def _forward_kernels(cell: Cell, keep: bool, resident: bool) -> Kernels:
    return Kernels(forward_plan(cell, keep=keep), resident=resident)


@lru_cache(maxsize=256)
def _backward_kernels(cell: Cell, histories: bool, resident: bool) -> Kernels:
    return Kernels(backward_plan(cell, histories=histories), resident=resident)


def _triton(cell: Cell) -> str:
    return f"{module_text(forward_plan(cell, keep=True))}\n\n{module_text(backward_plan(cell, histories=False))}\n"


class GPUDriver:
    """Runs every cell where Triton does.

    Args:
        kinds: of devices.
        way: how its sweeps run; None to choose by the layer.
    """

    name: ClassVar = "gpu"
    keeps_bits: ClassVar = False  # products between steps are torch's, which round by the number of rows
    traceable: ClassVar = True
    texts: ClassVar[Mapping[str, Callable[[Cell], str]]] = {"triton": _triton}

    def __init__(self, kinds: frozenset[str] = frozenset({"cuda", "xpu"}), way: Way | None = None) -> None:
        self.kinds, self.way = kinds, way

    def working_dtype(self, cell: Cell, like: Tensor) -> torch.dtype | None:
        """That of the weights; what a step computes, and its memory, is float32 for half precision."""
        return like.dtype if like.device.type in self.kinds and like.dtype in DTYPES else None

    def refusal(self, cell: Cell, layer: Layer) -> str:
        """Other devices and dtypes."""
        kind = layer.x.device.type
        if kind not in self.kinds:
            return f"no kernel for device {kind}"
        if not HAS_TRITON:
            return "Triton is not installed"
        if layer.x.dtype not in DTYPES:
            return f"no kernel for {layer.x.dtype}"
        if layer.units > _MOST_UNITS and any(i.op == "mean" for i in program_of(cell).body):
            return f"means over more than {_MOST_UNITS} units"
        return ""

    def manner(self, cell: Cell, layer: Layer) -> str:
        """Which regime."""
        way = self._way(cell, layer)
        if way.resident:
            return "fused GPU kernel, one launch with U in registers"
        plan = forward_plan(cell, keep=True)
        if not any(plan.matmuls.values()):
            return "fused GPU kernel, one launch, since the step multiplies nothing with U"
        return "fused GPU kernels, a launch and a product with U each step"

    def _way(self, cell: Cell, layer: Layer) -> Way:
        return self.way or Way()

    def kept_width(self, cell: Cell, units: int) -> int:
        """Of each gate H numbers, then the means over units that backward reads."""
        return kept_width(cell, units)

    def forward(self, cell: Cell, layer: Layer, *, keep: bool) -> States:
        """By the forward sweep."""
        way = self._way(cell, layer)
        return passes.forward(cell, layer, way, _forward_kernels(cell, keep, way.resident), keep=keep)

    def backward(self, cell: Cell, layer: Layer, saved: Saved, seeds: Seeds, *, input_gradient: bool) -> Gradients:
        """By the backward sweep, and one product for each weight."""
        way = self._way(cell, layer)
        kernels = _backward_kernels(cell, seeds.histories is not None, way.resident)
        return passes.backward(cell, layer, saved, seeds, way, kernels, input_gradient=input_gradient)

    def small(self, cell: Cell, dtype: torch.dtype) -> None:
        """None: small layers are run as any others."""

    def stepper(self, cell: Cell, layer: Layer, states: Tensor | None = None) -> LoopStepper:
        """The loop's."""
        return LoopStepper(cell, layer, states)


GPU = GPUDriver()
