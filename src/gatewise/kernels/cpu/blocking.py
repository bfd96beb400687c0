"""How a sweep is cut for the registers of this processor."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from llvmlite import binding

from ...compiler.stages import INPUT, Stage

_SPARE_REGISTERS = 6  # left for weights and one broadcast operand beside the sums, where there are plenty
AVX512 = 64  # bytes of a vector, which no other processor has
MOST_VECTORS = 4  # of units in one block
_MOST_ROWS = 8  # more are no faster, and each number of rows is compiled for itself


@dataclass(frozen=True)
class Machine:
    """The vector registers of a processor: how many, and how many bytes each holds.

    pairs: which of :data:`~gatewise.compiler.render.llvm_pairs.DOTS` multiplies pairs of bfloat16; empty where that
    takes longer than in float32.
    """

    registers: int
    vector_bytes: int
    pairs: str = ""


def this_machine() -> Machine:
    """What LLVM says of the processor that runs this."""
    return _with_portable_pairs() if _portable else _found()


_portable = False


@contextmanager
def portable_pairs() -> Generator[None]:
    """While it lasts, products in bfloat16 by instructions that every processor has: the same programs but for one
    operation, and slow. For tests."""
    global _portable
    before, _portable = _portable, True
    try:
        yield
    finally:
        _portable = before


def _with_portable_pairs() -> Machine:
    return replace(_found(), pairs="portable")


@lru_cache(maxsize=1)
def _found() -> Machine:
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        # cores with AMX take vdpbf16ps apart: by LLVM's model four operations, no faster than two multiply-adds
        pays = features.get("avx512bf16") and not features.get("amx-bf16")
        return Machine(32, AVX512, "avx512bf16" if pays else "")
    if features.get("avx2"):
        return Machine(16, 32)
    return Machine(32 if features.get("neon") else 16, 16)


@dataclass(frozen=True)
class Tile:
    """The block of results that stays in registers while products are summed: rows x vectors of units x sums.

    rows: the most; there is a tile for every smaller number too.
    """

    lanes: int
    vectors: int
    sums: int
    rows: int

    @property
    def units(self) -> int:
        """Units in one block."""
        return self.lanes * self.vectors

    def padded(self, units: int) -> int:
        """So many units, made up to whole vectors."""
        return -(-units // self.lanes) * self.lanes


def vectors_for(strips: int) -> int:
    """How many vectors of units to take together where there are so many in all."""
    return max(1, min(MOST_VECTORS, strips))


def widest(stages: tuple[Stage, ...], dtype: torch.dtype, machine: Machine, units: int) -> int:
    """The most vectors that any stage's tile has where there are so many units."""
    strips = -(-units // (machine.vector_bytes // dtype.itemsize))
    return max(_vectors(stage, vectors_for(strips)) for stage in stages)


def widths(stages: tuple[Stage, ...], dtype: torch.dtype, machine: Machine) -> tuple[int, ...]:
    """Every number of vectors that is :func:`widest` for some number of units."""
    lanes = machine.vector_bytes // dtype.itemsize
    return tuple(sorted({widest(stages, dtype, machine, n * lanes) for n in range(1, MOST_VECTORS + 1)}))


def _vectors(stage: Stage, most: int) -> int:
    """Fewer where each is needed for several sums at once."""
    return min(most, max(1, MOST_VECTORS // _at_once(stage)))


def _at_once(stage: Stage) -> int:
    """How many sums registers have to hold together: those of products that feed a sum in common. Others wait in memory
    while a product that does not feed them is summed up."""
    together: list[set[str]] = []
    for product in stage.products:
        fed = set(product.feeds)
        joined = [names for names in together if names & fed]
        together = [names for names in together if not names & fed] + [fed.union(*joined)]
    return max(map(len, together), default=1)


def rows_in_registers(machine: Machine, sums: int, spare: int, most: int) -> int:
    """How many rows of a tile fit, each with so many vectors of sums.

    spare: registers left for the rest, but no more than a quarter: of 16, twelve hold sums, as fewer would not hide how
    long a multiply-add takes, and reading weights again for every two rows asks more of the cache than it gives.
    """
    return max(1, min(most, (machine.registers - min(spare, machine.registers // 4)) // sums))


def tile_of(stage: Stage, dtype: torch.dtype, machine: Machine, most_vectors: int) -> Tile:
    """The tile of a stage: as many rows as registers allow, and smaller ones for what is left of a batch."""
    vectors = _vectors(stage, most_vectors)
    rows = rows_in_registers(machine, _at_once(stage) * vectors, _SPARE_REGISTERS, _MOST_ROWS)
    return Tile(machine.vector_bytes // dtype.itemsize, vectors, max(1, len(stage.starts)), rows)


def narrow_tile_of(stage: Stage, dtype: torch.dtype, machine: Machine) -> Tile:
    """The tile of a stage for few rows: one vector of units, and as many such blocks at once as registers allow.

    ``rows`` is how many rows times blocks.
    """
    sums = max(1, len(stage.starts), sum(len(product.feeds) for product in stage.products if product.operand != INPUT))
    rows = rows_in_registers(machine, sums, _SPARE_REGISTERS, _MOST_ROWS)
    return Tile(machine.vector_bytes // dtype.itemsize, 1, max(1, len(stage.starts)), rows)
