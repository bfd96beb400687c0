"""The driver of GPUs: kernels derived from the step, compiled by Triton."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import ClassVar

import torch
from torch import Tensor

from ...compiler.gradient import kept_width
from ...compiler.lower import program_of
from ...compiler.ops import OVER_UNITS
from ...equation import Cell
from ..layer import Gradients, Layer, Saved, Seeds, States
from ..reference import REFERENCE, LoopStepper
from . import passes
from .build import Kernels
from .emit import module_text
from .passes import Way
from .plan import backward_plan, forward_plan
from .regime import regime_of
from .selfcheck import Check, apart, expected_gradients, expected_states, trial

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
SELFCHECK = "GATEWISE_SELFCHECK"
"""The environment variable that is 0 for those who trust every kernel unseen."""
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
        self._verdicts: dict[tuple[object, ...], bool] = {}

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
        if cell.inputs:
            return f"a step that reads {', '.join(cell.inputs)} itself"
        if layer.units > _MOST_UNITS and any(i.op in OVER_UNITS for i in program_of(cell).body):
            return f"a mean, sum or maximum over more than {_MOST_UNITS} units"
        return ""

    def manner(self, cell: Cell, layer: Layer) -> str:
        """Which regime, and why."""
        if self.way is not None:
            return "fused GPU kernels"
        regime = regime_of(cell, layer)
        return f"fused GPU kernels: {regime.name}, since {regime.why}"

    def _way(self, cell: Cell, layer: Layer) -> Way:
        return self.way or regime_of(cell, layer).way

    def kept_width(self, cell: Cell, units: int) -> int:
        """Of each gate H numbers, then what was taken over units and backward reads."""
        return kept_width(cell, units)

    def forward(self, cell: Cell, layer: Layer, *, keep: bool) -> States:
        """By the forward sweep."""
        if self._is_wrong(cell, layer, backward=False):
            states = REFERENCE.forward(cell, layer, keep=keep)
            width = kept_width(cell, layer.units)
            return states._replace(gates=states.y.new_zeros(len(states.gates), width if keep else 0))
        return self._forward(cell, layer, keep=keep)

    def _forward(self, cell: Cell, layer: Layer, *, keep: bool) -> States:
        way = self._way(cell, layer)
        return passes.forward(cell, layer, way, _forward_kernels(cell, keep, way.resident), keep=keep)

    def backward(self, cell: Cell, layer: Layer, saved: Saved, seeds: Seeds, *, input_gradient: bool) -> Gradients:
        """By the backward sweep, and one product for each weight."""
        if self._is_wrong(cell, layer, backward=True):
            return REFERENCE.backward(cell, layer, saved, seeds, input_gradient=input_gradient)
        return self._backward(cell, layer, saved, seeds, input_gradient=input_gradient)

    def _backward(self, cell: Cell, layer: Layer, saved: Saved, seeds: Seeds, *, input_gradient: bool) -> Gradients:
        way = self._way(cell, layer)
        kernels = _backward_kernels(cell, seeds.histories is not None, way.resident)
        return passes.backward(cell, layer, saved, seeds, way, kernels, input_gradient=input_gradient)

    def _is_wrong(self, cell: Cell, layer: Layer, *, backward: bool) -> bool:
        """Whether kernels were found wrong, which is asked of each once, before its first use in a process."""
        if os.environ.get(SELFCHECK) == "0" or (layer.x.is_cuda and torch.cuda.is_current_stream_capturing()):
            return False
        key = (cell, layer.x.device, layer.x.dtype, layer.units, backward)
        if key not in self._verdicts:
            check = self.check(cell, layer.units, layer.x, backward=backward)
            if not check.passed:
                what = "its gradients are" if backward else "it is"
                warnings.warn(f"{check}: {what} computed by a loop, which is slow", stacklevel=2)
            self._verdicts[key] = check.passed
        return not self._verdicts[key]

    def check(self, cell: Cell, units: int, like: Tensor, *, backward: bool = True) -> Check:
        """The kernels of a cell beside the reference, on the device and in the dtype of a tensor."""
        layer = trial(cell, units, like)
        regime = regime_of(cell, layer).name
        states = self._forward(cell, layer, keep=True)
        if backward:
            seeds = Seeds(states.y.clone(), states.last.clone(), None)
            saved = Saved(states.y, states.gates, states.histories)
            found = self._backward(cell, layer, saved, seeds, input_gradient=True)
            error = apart(found, expected_gradients(cell, layer, seeds))
        else:
            expected = expected_states(cell, layer)
            error = apart((states.y, states.last, states.histories), (expected.y, expected.last, expected.histories))
        return Check(str(like.device), regime, cell.name, like.dtype, error)

    def small(self, cell: Cell, dtype: torch.dtype) -> None:
        """None: small layers are run as any others."""

    def stepper(self, cell: Cell, layer: Layer, states: Tensor | None = None) -> LoopStepper:
        """The loop's."""
        return LoopStepper(cell, layer, states)


GPU = GPUDriver()
