"""Kernels of cells: texts made modules, and the sizes of their tiles."""

from __future__ import annotations

import linecache
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from ..layer import Layer
from .emit import kernel_name, module_text, parameters
from .plan import Plan

_TILE = 1024
"""Numbers of a program where products lie between launches: it loads them, and is gone."""

_LANES = 128
"""Numbers of a program that runs over all of time: one for each lane, since its steps come one after another."""


@dataclass(frozen=True)
class Tile:
    """Rows and units of a program, powers of two. warps: how many groups of 32 lanes it has. stages: how many steps
    ahead the loop over time loads."""

    rows: int
    units: int
    warps: int = 4
    stages: int = 1

    def grid(self, rows: int, units: int) -> tuple[int, int]:
        """How many programs there are for so many rows and units."""
        return -(-rows // self.rows), -(-units // self.units)


def power_of_two(number: int) -> int:
    """The least that is not less."""
    return 1 << max(0, number - 1).bit_length()


def tile_of(plan: Plan, units: int, *, resident: bool) -> Tile:
    """The tile of a plan's kernels."""
    whole = power_of_two(units)
    if resident:  # of what tl.dot takes, 16 is the least
        return Tile(16, max(16, whole), warps=4 if whole <= 64 else 8)
    loop = not any(plan.matmuls.values())
    numbers = _LANES if loop else _TILE
    wide = whole if plan.whole_rows else min(whole, 128)
    rows = max(1, numbers // wide)
    return Tile(rows, wide, warps=min(8, max(1, rows * wide // (32 if loop else 128))), stages=4 if loop else 1)


class Kernels:
    """The compiled kernels of a plan, one for each part.

    Compiled by Triton when they are first launched, for the dtypes of that launch. whole: whether one launch runs all
    of time.
    """

    def __init__(self, plan: Plan, *, resident: bool) -> None:
        count = 1 if resident else len(plan.parts)
        self._load(plan, module_text(plan, resident=resident), parameters(plan, resident=resident), count)
        self.resident = resident
        self.whole = resident or not any(plan.matmuls.values())

    def _load(self, plan: Plan, text: str, names: tuple[str, ...], count: int) -> None:
        module = _module(text, plan.sweep.name)
        self.plan, self.names = plan, names
        self.functions: list[Any] = [getattr(module, kernel_name(plan, number)) for number in range(count)]

    def tile(self, rows: int, units: int) -> Tile:
        """The tile for a layer of so many rows and units."""
        return tile_of(self.plan, units, resident=self.resident)

    def constants(self, tile: Tile) -> dict[str, object]:
        """What is known when they are compiled, beside what all kernels are told."""
        return {}

    def options(self, tile: Tile, backend: str) -> dict[str, Any]:
        """Of their launches, for Triton. backend: what it calls a kind of card, ``cuda`` or ``hip``."""
        return {"num_warps": tile.warps}

    def allocate(self, layer: Layer, tensors: dict[str, Tensor]) -> None:
        """Memory for what goes from part to part, and into and out of products; U, where it is resident."""
        if self.resident:
            tensors["U"] = layer.U
            return
        rows, units, wide = layer.rows, layer.units, accumulator(layer.x.dtype)
        for name, each_unit in self.plan.stored.items():
            shape = (rows, units if each_unit else 1)
            tensors[f"between_{name}"] = layer.x.new_empty(shape, dtype=wide)
        for matmul in self.plan.matmul_of.values():
            tensors.setdefault(matmul.sums, layer.x.new_empty(rows, len(matmul.targets) * units))
            tensors.setdefault(matmul.buffer, layer.x.new_zeros(rows, len(matmul.operands) * units))


def _module(text: str, name: str) -> ModuleType:
    """A module of this text, whose lines Triton can look up."""
    path = f"<gatewise {name} {abs(hash(text)):x}>"
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    module = ModuleType(f"gatewise_{name}")
    exec(compile(text, path, "exec"), module.__dict__)
    return module


def accumulator(dtype: torch.dtype) -> torch.dtype:
    """The dtype in which numbers are computed, and carried from step to step."""
    return torch.float64 if dtype == torch.float64 else torch.float32
