"""How a sweep is cut for the registers of this processor, and how weights are packed to be read in that order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from llvmlite import binding
from torch import Tensor

from ...compiler.stages import INPUT, Product, Stage
from ...equation import Gate

# Registers left for weights and one broadcast operand beside the sums.
_SPARE_REGISTERS = 6


@dataclass(frozen=True)
class Machine:
    """The vector registers of a processor: how many, and how many bytes each holds."""

    registers: int
    vector_bytes: int


@lru_cache(maxsize=1)
def this_machine() -> Machine:
    """What LLVM says of the processor that runs this."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return Machine(32, 64)
    if features.get("avx2"):
        return Machine(16, 32)
    return Machine(32 if features.get("neon") else 16, 16)


@dataclass(frozen=True)
class Tile:
    """The block of results that stays in registers while products are summed: rows x vectors of units x sums."""

    lanes: int
    vectors: int
    sums: int
    rows: tuple[int, ...]

    @property
    def units(self) -> int:
        """Units in one block."""
        return self.lanes * self.vectors


def tile_of(stage: Stage, dtype: torch.dtype, machine: Machine) -> Tile:
    """The tile of a stage: as many rows as registers allow, and smaller ones for what is left of a batch."""
    sums = max(1, len(stage.starts))
    room = machine.registers - _SPARE_REGISTERS
    vectors = max(1, 4 // sums)
    most = max(1, room // (sums * vectors))
    rows = tuple(count for count in (most, 2, 1) if count <= most)
    return Tile(machine.vector_bytes // dtype.itemsize, vectors, sums, tuple(dict.fromkeys(rows)))


def pack(stage: Stage, tile: Tile, blocks: Mapping[tuple[str, str], Tensor], units: int) -> Tensor:
    """The stage's weights as the kernel reads them: [block of units][product][k][sum][unit], zeros past the end.

    blocks: (``"W"`` or ``"U"``, gate name) -> matrix of shape (K, units), already the way round that is needed.
    """
    count = -(-units // tile.units)
    parts: list[Tensor] = []
    for product in stage.products:
        matrices = [blocks[which_matrix(product), gate.name] for gate in product.feeds.values()]
        stacked = torch.stack(matrices, dim=1)
        missing = count * tile.units - units
        padded = torch.nn.functional.pad(stacked, (0, missing)) if missing else stacked
        parts.append(padded.view(-1, len(matrices), count, tile.units).permute(2, 0, 1, 3).reshape(count, -1))
    return torch.cat(parts, dim=1).contiguous() if parts else torch.zeros(count, 1)


def which_matrix(product: Product) -> str:
    """W for the input, U for everything else."""
    return "W" if product.operand == INPUT else "U"


def matrices_of(gates: tuple[Gate, ...], W: Tensor, U: Tensor, *, transposed: bool) -> dict[tuple[str, str], Tensor]:
    """Each gate's H rows of W and of U, as (K, units): ``transposed`` for a forward sweep."""
    found: dict[tuple[str, str], Tensor] = {}
    for kind, weight, has in (("W", W, lambda g: g.has_input), ("U", U, lambda g: bool(g.recurrent))):
        names = [gate.name for gate in gates if has(gate)]
        for name, block in zip(names, weight.chunk(len(names)) if names else (), strict=True):
            found[kind, name] = block.t() if transposed else block
    return found
