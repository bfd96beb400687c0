"""The driver of the CPU: kernels derived from the step, compiled to machine code by LLVM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from ...compiler.gradient import kept_width
from ...compiler.stages import backward_sweep, forward_sweep
from ...equation import Cell
from ..layer import Gradients, Layer, Saved, Seeds, States
from . import passes
from .compile import llvm_text
from .small import ScriptedPasses
from .stepping import KernelStepper
from .threads import after_fork

DTYPES = (torch.float32, torch.float64)
_WORKING = {dtype: dtype for dtype in DTYPES} | {torch.bfloat16: torch.float32, torch.float16: torch.float32}


def _llvm(cell: Cell) -> str:
    sweeps = (forward_sweep(cell, keep=True), backward_sweep(cell))
    return "\n".join(llvm_text(sweep, torch.float32) for sweep in sweeps)


class _CPU:
    """Runs every cell, in float32 and float64."""

    name: ClassVar = "cpu"
    keeps_bits: ClassVar = True
    traceable: ClassVar = True
    texts: ClassVar[Mapping[str, Callable[[Cell], str]]] = {"llvm": _llvm}

    def working_dtype(self, cell: Cell, like: Tensor) -> torch.dtype | None:
        """Float32 in place of half precision."""
        return _WORKING.get(like.dtype) if like.is_cpu else None

    def refusal(self, cell: Cell, layer: Layer) -> str:
        """Other devices and dtypes."""
        if not layer.x.is_cpu:
            return f"no kernel for device {layer.x.device.type}"
        return "" if layer.x.dtype in DTYPES else f"no kernel for {layer.x.dtype}"

    def manner(self, cell: Cell, layer: Layer) -> str:
        """In which dtype."""
        return f"fused CPU kernel in {layer.x.dtype}"

    def kept_width(self, cell: Cell, units: int) -> int:
        """Of each gate H numbers, then the means over units that backward reads."""
        return kept_width(cell, units)

    def forward(self, cell: Cell, layer: Layer, *, keep: bool) -> States:
        """By the forward sweep."""
        with after_fork():
            return passes.forward(cell, layer, keep=keep)

    def backward(self, cell: Cell, layer: Layer, saved: Saved, seeds: Seeds, *, input_gradient: bool) -> Gradients:
        """By the backward sweep, in chunks of time."""
        with after_fork():
            return passes.backward(cell, layer, saved, seeds, input_gradient=input_gradient)

    def small(self, cell: Cell, dtype: torch.dtype) -> ScriptedPasses | None:
        """Scripts, of cells whose steps do not read x itself."""
        return None if cell.reads_x or dtype not in DTYPES else ScriptedPasses(cell, dtype)

    def stepper(self, cell: Cell, layer: Layer, states: Tensor | None = None) -> KernelStepper:
        """One kernel, bound to its weights and memory."""
        return KernelStepper(cell, layer, states)


CPU = _CPU()
