"""The driver of GPUs: kernels derived from the step, compiled by Triton."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import ClassVar, TypeVar

import torch
from torch import Tensor

from ...compiler.gradient import kept_width
from ...compiler.lower import program_of
from ...compiler.ops import OVER_UNITS
from ...equation import Cell
from ..layer import Gradients, Layer, Saved, Seeds, States
from ..reference import REFERENCE, LoopStepper
from ..selfcheck import Check, Verdicts, apart, expected_gradients, expected_states, trial
from . import passes
from .build import Kernels
from .emit import module_text
from .passes import Way
from .persistent import PersistentKernels
from .plan import Plan, backward_plan, forward_plan
from .regime import Regime, regimes_of

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
_MOST_UNITS = 16_384
"""Of a row that one program holds."""


Result = TypeVar("Result")
_LOOP = "a loop, which is slow"

HAS_TRITON = find_spec("triton") is not None
"""Whether it is installed; importing it takes long."""


@lru_cache(maxsize=256)
def _forward_kernels(cell: Cell, keep: bool, resident: bool, persistent: bool) -> Kernels:
    return _kernels(forward_plan(cell, keep=keep), resident, persistent)


@lru_cache(maxsize=256)
def _backward_kernels(cell: Cell, histories: bool, resident: bool, persistent: bool) -> Kernels:
    return _kernels(backward_plan(cell, histories=histories), resident, persistent)


def _kernels(plan: Plan, resident: bool, persistent: bool) -> Kernels:
    return PersistentKernels(plan) if persistent else Kernels(plan, resident=resident)


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
        self._verdicts = Verdicts()

    def working_dtype(self, cell: Cell, like: Tensor) -> torch.dtype | None:
        """That of the weights; what a step computes, and its memory, is float32 for half precision."""
        return like.dtype if like.device.type in self.kinds and like.dtype in DTYPES else None

    def product_dtype(self, cell: Cell, working: torch.dtype, results: torch.dtype) -> torch.dtype:
        """That of everything else."""
        return working

    def refusal(self, cell: Cell, layer: Layer) -> str:
        """Other devices and dtypes."""
        kind = layer.x.device.type
        if kind not in self.kinds:
            return f"no kernel for device {kind}"
        if not HAS_TRITON:
            return "Triton is not installed"
        if layer.x.dtype not in DTYPES:
            return f"no kernel for {layer.x.dtype}"
        if layer.units > _MOST_UNITS and any(i.op in OVER_UNITS for i in program_of(cell).body):
            return f"a mean, sum or maximum over more than {_MOST_UNITS} units"
        return ""

    def manner(self, cell: Cell, layer: Layer) -> str:
        """Which regime, and why."""
        if self.way is not None:
            return "fused GPU kernels"
        regime = self.regimes(cell, layer)[0]
        return f"fused GPU kernels: {regime.name}, since {regime.why}"

    def regimes(self, cell: Cell, layer: Layer) -> tuple[Regime, ...]:
        """Those of `regimes_of`, or that which this driver was told."""
        return regimes_of(cell, layer) if self.way is None else (Regime("as told", "", self.way),)

    def kept_width(self, cell: Cell, units: int) -> int:
        """Of each gate H numbers, then what was taken over units and backward reads."""
        return kept_width(cell, units)

    def forward(self, cell: Cell, layer: Layer, *, keep: bool) -> States:
        """By the forward sweep."""
        states = self._first(cell, layer, lambda way: self._forward(cell, layer, way, keep=keep), backward=False)
        if states is None:
            states = REFERENCE.forward(cell, layer, keep=keep)
            width = kept_width(cell, layer.units)
            return states._replace(gates=states.y.new_zeros(len(states.gates), width if keep else 0))
        return states

    def _forward(self, cell: Cell, layer: Layer, way: Way, *, keep: bool) -> States:
        kernels = _forward_kernels(cell, keep, way.resident, way.persistent)
        return passes.forward(cell, layer, way, kernels, keep=keep)

    def backward(self, cell: Cell, layer: Layer, saved: Saved, seeds: Seeds, *, input_gradient: bool) -> Gradients:
        """By the backward sweep, and one product for each weight."""

        def run(way: Way) -> Gradients:
            return self._backward(cell, layer, saved, seeds, way, input_gradient=input_gradient)

        gradients = self._first(cell, layer, run, backward=True)
        if gradients is None:
            return REFERENCE.backward(cell, layer, saved, seeds, input_gradient=input_gradient)
        return gradients

    def _backward(
        self, cell: Cell, layer: Layer, saved: Saved, seeds: Seeds, way: Way, *, input_gradient: bool
    ) -> Gradients:
        kernels = _backward_kernels(cell, seeds.histories is not None, way.resident, way.persistent)
        return passes.backward(cell, layer, saved, seeds, way, kernels, input_gradient=input_gradient)

    def _first(self, cell: Cell, layer: Layer, run: Callable[[Way], Result], *, backward: bool) -> Result | None:
        """What the first regime gives that is right and can be launched; None where a loop has to."""
        regimes = self.regimes(cell, layer)
        for regime, after in zip(regimes, [each.name for each in regimes[1:]] + [_LOOP], strict=True):
            if not self._is_right(cell, layer, regime, after, backward=backward):
                continue
            try:
                return run(regime.way)
            except _refusals() as error:
                if not _is_refused(regime, error):
                    raise
                warnings.warn(f"{regime.name} does not run, so it is {after}: {error}", stacklevel=2)
                self._verdicts.reject(_key(cell, layer, regime, backward))
        return None

    def _is_right(self, cell: Cell, layer: Layer, regime: Regime, after: str, *, backward: bool) -> bool:
        """Whether kernels were found right. after: what takes their place otherwise."""
        return self._verdicts.are_right(
            _key(cell, layer, regime, backward),
            lambda: self._check(cell, layer.units, layer.x, regime, backward=backward),
            f"{'its gradients are' if backward else 'it is'} computed by {after}",
            at_hand=not (layer.x.is_cuda and torch.cuda.is_current_stream_capturing()),
        )

    def checks(self, cell: Cell, units: int, like: Tensor, *, backward: bool = True) -> list[Check]:
        """The kernels of a cell beside the reference, on the device and in the dtype of a tensor, in every regime."""
        regimes = self.regimes(cell, trial(cell, units, like))
        return [self._check(cell, units, like, regime, backward=backward) for regime in regimes]

    def _check(self, cell: Cell, units: int, like: Tensor, regime: Regime, *, backward: bool) -> Check:
        layer = trial(cell, units, like)
        about = (str(like.device), regime.name, cell.name, like.dtype)
        try:
            return Check(*about, self._error(cell, layer, regime.way, backward=backward))
        except _refusals() as error:
            if not _is_refused(regime, error):
                raise
            return Check(*about, math.inf, str(error))

    def _error(self, cell: Cell, layer: Layer, way: Way, *, backward: bool) -> float:
        states = self._forward(cell, layer, way, keep=True)
        if backward:
            seeds = Seeds(states.y.clone(), states.last.clone(), None)
            saved = Saved(states.y, states.gates, states.histories)
            found = self._backward(cell, layer, saved, seeds, way, input_gradient=True)
            return apart(found, expected_gradients(cell, layer, seeds))
        expected = expected_states(cell, layer)
        return apart((states.y, states.last, states.histories), (expected.y, expected.last, expected.histories))

    def small(self, cell: Cell, dtype: torch.dtype) -> None:
        """None: small layers are run as any others."""

    def stepper(self, cell: Cell, layer: Layer, states: Tensor | None = None) -> LoopStepper:
        """The loop's."""
        return LoopStepper(cell, layer, states)


def _key(cell: Cell, layer: Layer, regime: Regime, backward: bool) -> tuple[object, ...]:
    return (cell, layer.x.device, layer.x.dtype, layer.units, regime.name, backward)


def _refusals() -> tuple[type[Exception], ...]:
    """What launching raises, of devices and of Triton."""
    from triton.runtime.errors import OutOfResources  # pyright: ignore[reportMissingImports]

    return RuntimeError, OutOfResources


def _is_refused(regime: Regime, error: Exception) -> bool:
    """Whether a device refuses programs that cannot run at the same time, rather than that its memory is full."""
    return regime.way.persistent and not isinstance(error, torch.OutOfMemoryError)


GPU = GPUDriver()
