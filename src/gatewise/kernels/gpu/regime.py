"""Which regime a layer's sweeps run in, and why, in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch

from ...equation import Cell
from ..layer import Layer
from .build import power_of_two
from .passes import Way
from .plan import forward_plan

# Bytes of U, each block padded to a power of two, that a program holds beside its numbers without spilling registers:
# found by compiling ahead of time for sm_90 and gfx942, see docs/gpu.md.
_RESIDENT = {"cuda": {2: 128 * 2**10, 4: 32 * 2**10}, "rocm": {2: 32 * 2**10}}


@dataclass(frozen=True)
class Regime:
    """name: of the regime. why: as a clause. way: how sweeps run in it."""

    name: str
    why: str
    way: Way


LOOP, RESIDENT, STEPS = "one launch", "one launch, U resident", "a launch and a product each step"


def regime_of(cell: Cell, layer: Layer) -> Regime:
    """The regime of a layer."""
    kind = "rocm" if torch.version.hip else "cuda"
    limit = _RESIDENT[kind].get(layer.x.itemsize, 0)
    return _chosen(cell, layer.units, layer.x.itemsize, limit)


@lru_cache(maxsize=512)
def _chosen(cell: Cell, units: int, itemsize: int, limit: int) -> Regime:
    blocks = [slot for matmul in forward_plan(cell, keep=True).matmul_of.values() for slot in matmul.gates]
    if not blocks:
        return Regime(LOOP, "the step multiplies nothing with U", Way())
    size = len(set(blocks)) * max(16, power_of_two(units)) ** 2 * itemsize
    if size <= limit:
        return Regime(RESIDENT, f"U takes {size // 1024} KiB", Way(resident=True))
    why = f"U takes {size // 1024} KiB, more than the {limit // 1024} that a program holds"
    return Regime(STEPS, why, Way())
