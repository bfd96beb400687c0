"""Which regime a layer's sweeps run in, and why, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import torch

from ...equation import Cell
from ..layer import Layer
from .build import power_of_two
from .passes import Way
from .persistent import MOST_RESIDENT, block_of, resident_bytes
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
PERSISTENT = "one persistent launch, U shared out"


def regimes_of(cell: Cell, layer: Layer) -> tuple[Regime, ...]:
    """The regimes in which a layer can run, the best first; those behind it are for devices where it proves wrong."""
    kind = "rocm" if torch.version.hip else "cuda"
    limit = _RESIDENT[kind].get(layer.x.itemsize, 0)
    return _chosen(cell, layer.units, layer.rows, layer.x.itemsize, limit, processors(layer.x.device))


def processors(device: torch.device) -> int:
    """How many programs run at the same time for certain, one on each; 0 where programs cannot wait for each other."""
    return _processors(device) if device.type == "cuda" else 0


@lru_cache(maxsize=64)
def _processors(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).multi_processor_count


@lru_cache(maxsize=512)
def _chosen(cell: Cell, units: int, rows: int, itemsize: int, limit: int, at_once: int) -> tuple[Regime, ...]:
    blocks = [slot for matmul in forward_plan(cell, keep=True).matmul_of.values() for slot in matmul.gates]
    if not blocks:
        return (Regime(LOOP, "the step multiplies nothing with U", Way()),)
    size = len(set(blocks)) * max(16, power_of_two(units)) ** 2 * itemsize
    if size <= limit:
        return (Regime(RESIDENT, f"U takes {size // 1024} KiB", Way(resident=True)),)
    why = f"U takes {size // 1024} KiB, more than the {limit // 1024} that a program holds"
    steps = Regime(STEPS, why, Way())
    if not at_once or itemsize != 2:  # without tensor cores to share out U is not worth while
        return (steps,)
    if against := _against_sharing(cell, units, rows, at_once):
        return (replace(steps, why=f"{why}{against}"),)
    share = _share(cell, units) // 1024
    together = f"{why}, and {_programs(cell, units, rows)} that wait for each other hold {share} KiB each"
    return Regime(PERSISTENT, together, Way(persistent=True)), steps


def _against_sharing(cell: Cell, units: int, rows: int, at_once: int) -> str:
    """Why programs do not share U, as the rest of a clause; nothing where they do."""
    share, programs = _share(cell, units), _programs(cell, units, rows)
    if share > MOST_RESIDENT:
        return f", and shared out {share // 1024}, more than the {MOST_RESIDENT // 1024} that are proven"
    return f", and of {programs} to share it {at_once} run at once" if programs > at_once else ""


def _share(cell: Cell, units: int) -> int:
    """Bytes of U that a program of a persistent kernel holds, of half precision."""
    return resident_bytes(forward_plan(cell, keep=True), units)


def _programs(cell: Cell, units: int, rows: int) -> int:
    """How many programs persistent kernels have."""
    return math.prod(block_of(forward_plan(cell, keep=True), units).grid(rows, units))
