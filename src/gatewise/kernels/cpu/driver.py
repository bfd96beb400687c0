"""The driver of the CPU: kernels derived from the step, compiled to machine code by LLVM."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from ...compiler.gradient import kept_width
from ...compiler.stages import backward_sweep, forward_sweep
from ...equation import Cell
from ..layer import Gradients, Layer, Saved, Seeds, States
from ..selfcheck import Check, Verdicts, apart, expected_gradients, expected_states, trial
from ..small import is_ordinary_call
from . import passes
from .blocking import this_machine
from .compile import llvm_text
from .few_rows import ROWS as FEW_ROWS
from .small import ScriptedPasses
from .stepping import KernelStepper
from .threads import after_fork

DTYPES = (torch.float32, torch.float64)
_WORKING = {dtype: dtype for dtype in DTYPES} | {torch.bfloat16: torch.float32, torch.float16: torch.float32}


def _llvm(cell: Cell) -> str:
    sweeps = (forward_sweep(cell, keep=True), backward_sweep(cell))
    return "\n".join(llvm_text(sweep, torch.float32) for sweep in sweeps)


HALVES = "GATEWISE_BFLOAT16"
"""The environment variable that is 0 for those who want bfloat16 computed in float32 wherever they are."""
_CHECKED_UNITS = 40


class _CPU:
    """Runs every cell, in float32 and float64."""

    name: ClassVar = "cpu"
    keeps_bits: ClassVar = True
    traceable: ClassVar = True
    texts: ClassVar[Mapping[str, Callable[[Cell], str]]] = {"llvm": _llvm}

    def __init__(self) -> None:
        self._verdicts = Verdicts()

    def working_dtype(self, cell: Cell, like: Tensor) -> torch.dtype | None:
        """Float32 in place of half precision."""
        return _WORKING.get(like.dtype) if like.is_cpu else None

    def product_dtype(self, cell: Cell, working: torch.dtype, results: torch.dtype) -> torch.dtype:
        """Bfloat16 for results in it, where the processor multiplies that faster."""
        wanted = working == torch.float32 and results == torch.bfloat16
        return results if wanted and self.multiplies_halves(cell) else working

    def refusal(self, cell: Cell, layer: Layer) -> str:
        """Other devices and dtypes."""
        if not layer.x.is_cpu:
            return f"no kernel for device {layer.x.device.type}"
        if layer.in_halves and not this_machine().pairs:
            return f"no instruction for products in {layer.W.dtype}"
        return "" if layer.dtype in DTYPES else f"no kernel for {layer.dtype}"

    def manner(self, cell: Cell, layer: Layer) -> str:
        """In which dtype."""
        products = f", its products of {layer.W.dtype}" if layer.in_halves else ""
        return f"fused CPU kernel in {layer.dtype}{products}"

    def multiplies_halves(self, cell: Cell) -> bool:
        """Whether a layer whose results are in bfloat16 gains from products that round what they multiply to it.

        Compared with the reference before its first use in a process. Not where torch does more than compute, which a
        comparison cannot be made in.
        """
        if torch.compiler.is_compiling() or not is_ordinary_call():
            return False
        if not this_machine().pairs or os.environ.get(HALVES) == "0":
            return False
        return self._verdicts.are_right(cell, lambda: self.check(cell), "bfloat16 is computed in float32")

    def check(self, cell: Cell) -> Check:
        """Products in bfloat16 beside the reference: for few rows and for many, forward and backward."""
        # wherever a layer runs: without gradients, with tensors made elsewhere by default
        with torch.inference_mode(mode=False), torch.device("cpu"):
            like = torch.zeros(1, dtype=torch.float32)
            layers = [trial(cell, _CHECKED_UNITS, like, rows) for rows in (FEW_ROWS, 2 * FEW_ROWS)]
            error = max(self._error(cell, layer) for layer in layers)
        return Check("the CPU", f"{this_machine().pairs} instructions", cell.name, torch.bfloat16, error)

    def _error(self, cell: Cell, layer: Layer) -> float:
        layer = layer.multiplying(torch.bfloat16)
        states = self.forward(cell, layer, keep=True)
        seeds = Seeds(states.y.clone(), states.last.clone(), None)
        saved = Saved(states.y, states.gates, states.histories)
        gradients = self.backward(cell, layer, saved, seeds, input_gradient=True)
        expected = expected_states(cell, layer)
        forward = apart((states.y, states.last), (expected.y, expected.last))
        return max(forward, apart(gradients, expected_gradients(cell, layer, seeds)))

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
        """Scripts, of cells whose steps do not read x itself; in bfloat16 where products take it, of cells that draw no
        random numbers either."""
        if dtype == torch.bfloat16:
            known = not (cell.inputs or cell.noise) and self.multiplies_halves(cell)
        else:
            known = not cell.reads_x and dtype in DTYPES
        return ScriptedPasses(cell, dtype) if known else None

    def stepper(self, cell: Cell, layer: Layer, states: Tensor | None = None) -> KernelStepper:
        """One kernel, bound to its weights and memory."""
        return KernelStepper(cell, layer, states)


CPU = _CPU()
