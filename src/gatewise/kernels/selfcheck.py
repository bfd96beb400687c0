"""Kernels beside the reference, on the device at hand: compilers for new devices have been wrong, and silently so."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..equation import Cell
from .layer import Gradients, Layer, Saved, Seeds, States
from .reference import REFERENCE

SELFCHECK = "GATEWISE_SELFCHECK"
"""The environment variable that is 0 for those who trust every kernel unseen."""
LIMITS = {torch.float64: 1e-9, torch.float32: 5e-3, torch.float16: 3e-2, torch.bfloat16: 2e-1}
"""How far results may be off, relative to the largest: well above rounding, that of products in TF32 included, and well
below what a kernel is off that is wrong."""


class Check(NamedTuple):
    """One comparison. error: the largest difference, relative to the largest number; infinite where one is NaN. why: it
    could not be made, in the device's words."""

    device: str
    regime: str
    cell: str
    dtype: torch.dtype
    error: float
    why: str = ""

    @property
    def passed(self) -> bool:
        """Whether the kernels are right there."""
        return self.error <= LIMITS[self.dtype]

    def __str__(self) -> str:
        """A line."""
        verdict = "right" if self.passed else "WRONG"
        found = self.why or f"{self.error:.1e} off"
        return f"{verdict}: {self.cell} in {self.dtype} on {self.device}, {self.regime}: {found}"


class Verdicts:
    """Which kernels are right here, asked of each once, before its first use in a process."""

    def __init__(self) -> None:
        self._found: dict[Hashable, bool] = {}

    def are_right(self, key: Hashable, check: Callable[[], Check], instead: str, *, at_hand: bool = True) -> bool:
        """Whether those are that the key stands for: what was found, or is now.

        instead: what takes their place where they are wrong, for a warning. at_hand: whether they can be asked now;
        otherwise, and where nobody wants to ask, they are trusted until they are.
        """
        if os.environ.get(SELFCHECK) == "0" or not at_hand:
            return self._found.get(key, True)
        if key not in self._found:
            found = check()
            if not found.passed:
                warnings.warn(f"{found}: {instead}", stacklevel=2)
            self._found[key] = found.passed
        return self._found[key]

    def reject(self, key: Hashable) -> None:
        """Those cannot be used."""
        self._found[key] = False


def trial(cell: Cell, units: int, like: Tensor, rows: int = 5) -> Layer:
    """A small ragged layer of so many units, its numbers drawn without touching torch's generators."""
    generator = torch.Generator().manual_seed(units)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(like)

    sizes = torch.tensor([rows, max(1, rows - 2), 1])
    steps, kinds, inputs = int(sizes.sum()), [noise.each for noise in cell.noise], units if cell.reads_x else 4
    states = drawn(len(cell.state), rows, units)
    if any(math.isinf(start) for start in cell.initial):  # what normalises must be positive
        states = states.abs() + 1
    return Layer(
        drawn(steps, inputs + len(cell.row_inputs)),
        drawn(units * sum(gate.has_input for gate in cell.gates), inputs) / 2,
        drawn(units * sum(bool(gate.recurrent) for gate in cell.gates), units) / units**0.5,
        drawn(units * sum(gate.has_bias for gate in cell.gates)),
        drawn(len(cell.per_unit), units),
        states,
        drawn(kinds.count("step"), steps, units),
        drawn(kinds.count("sequence"), rows, units),
        sizes,
    )


def exact(layer: Layer) -> Layer:
    """The layer in float64, for the reference."""
    wide = {name: getattr(layer, name).double() for name in Layer._fields[:-1]}
    return layer._replace(**wide)


def expected_states(cell: Cell, layer: Layer) -> States:
    """What forward should give."""
    return REFERENCE.forward(cell, exact(layer), keep=True)


def expected_gradients(cell: Cell, layer: Layer, seeds: Seeds) -> Gradients:
    """What backward should give."""
    wide = Seeds(seeds.y.double(), seeds.last.double(), None)
    nothing = torch.empty(0)
    return REFERENCE.backward(cell, exact(layer), Saved(nothing, nothing, nothing), wide, input_gradient=True)


def apart(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """The largest difference of some tensors, relative to the largest number in them."""
    ours, theirs = (torch.cat([tensor.flatten().double() for tensor in side]) for side in (found, expected))
    error = float((ours - theirs).abs().max() / theirs.abs().max())
    return error if math.isfinite(error) else math.inf
