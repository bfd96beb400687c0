"""Weights copied into the order in which a sweep reads them, by a compiled kernel of its own.

A *strip* is one vector of neighbouring units of one gate, for all k of a product. In a panel of packed weights it is
read as [k][lane], zeros past the last unit. Matrices that lie the other way round are transposed in registers.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import torch
from llvmlite import ir
from torch import Tensor

from ...compiler.render.llvm_math import I32, I64
from ...compiler.stages import INPUT, Product, Stage
from ...equation import Gate
from .blocking import Tile, this_machine
from .compile import Runnable, made_once, runnable
from .kept_code import Source
from .loops import larger, loop, numbers, smaller
from .memory import lent
from .pairs import terms as terms_of
from .team import emit_share
from .threads import run
from .writer import FORMATS, POINTER


class Job(NamedTuple):
    """Strips of one gate of one product. All distances are in elements.

    matrix: 0 for W, 1 for U. start: of the gate's block in it. unit_step, k_step: how far apart neighbouring units
    and neighbouring k are, one of them 1. length: how many k. target: where the gate begins in the panels.
    k_width: from one k to the next there. block: from one block of units to the next. strips: vectors in a block.
    """

    matrix: int
    start: int
    unit_step: int
    k_step: int
    length: int
    target: int
    k_width: int
    block: int
    strips: int


class Packing(NamedTuple):
    """All panels of a sweep for one size. starts: where each stage's panel begins. size: elements in all. units: H.
    strips: the most that a job has. jobs: what the compiled kernel reads."""

    starts: tuple[int, ...]
    size: int
    units: int
    strips: int
    jobs: ctypes.Array[ctypes.c_int64]


def packing(
    stages: tuple[Stage, ...],
    tiles: tuple[Tile, ...],
    gates: tuple[Gate, ...],
    inputs: int,
    units: int,
    *,
    transposed: bool,
    pairs: bool = False,
) -> Packing:
    """Where everything goes: in each panel [block of units][product][k][gate][unit].

    transposed: a sum over the columns of W and U, as in a forward sweep, rather than over their rows. pairs: those are
    words of two numbers, of :func:`.pairs.words`.
    """
    inputs, terms = (terms_of(inputs), terms_of(units)) if pairs else (inputs, units)
    jobs: list[int] = []
    starts: list[int] = []
    end = most = 0
    for stage, tile in zip(stages, tiles, strict=True):
        blocks = -(-units // tile.units)
        block = sum(_length(product, inputs, terms) * len(product.feeds) * tile.units for product in stage.products)
        starts.append(end)
        target = end
        for product in stage.products:
            length, width = _length(product, inputs, terms), len(product.feeds) * tile.units
            steps = (length, 1) if transposed else (1, units)
            for index, gate in enumerate(product.feeds.values()):
                matrix, start = _place(product, gate, gates, units * length)
                place = target + index * tile.units
                jobs += Job(matrix, start, *steps, length, place, width, block, tile.vectors)
            target += length * width
        end += blocks * block
        most = max(most, blocks * tile.vectors)
    return Packing(tuple(starts), end, units, most, (ctypes.c_int64 * len(jobs))(*jobs))


def _length(product: Product, inputs: int, terms: int) -> int:
    return inputs if product.operand == INPUT else terms


def _place(product: Product, gate: Gate, gates: tuple[Gate, ...], block: int) -> tuple[int, int]:
    """Which matrix, W or U, holds the gate's block of so many elements, and where in it."""
    if product.operand == INPUT:
        return 0, [other for other in gates if other.has_input].index(gate) * block
    return 1, [other for other in gates if other.recurrent].index(gate) * block


def pack(plan: Packing, W: Tensor, U: Tensor, threads: int) -> Tensor:
    """The panels, one after another in one tensor."""
    panels = lent(W, max(1, plan.size))
    pack_jobs(plan.jobs, plan.strips, plan.units, W, U, panels, threads)
    return panels


def pack_jobs(
    jobs: ctypes.Array[ctypes.c_int64], strips: int, units: int, W: Tensor, U: Tensor, panels: Tensor, threads: int
) -> None:
    """Do these jobs, of which none has more strips, for matrices with so many units."""
    task = (ctypes.c_int64 * len(_TASK))(*pack_task(jobs, units, W.data_ptr(), U.data_ptr(), panels.data_ptr()))
    run(packer(W.dtype), ctypes.addressof(task), strips, -(-strips // threads), threads)


_TASK = ("jobs", "count", "units", "W", "U", "panels")


def pack_task(jobs: ctypes.Array[ctypes.c_int64], units: int, W: int, U: int, panels: int) -> tuple[int, ...]:
    """What the compiled kernel is told, with addresses of matrices and panels."""
    return ctypes.addressof(jobs), len(jobs) // len(Job._fields), units, W, U, panels


@made_once
def packer(dtype: torch.dtype) -> Runnable:
    """The compiled kernel: ``run(task, first strip, end strip)``."""
    return runnable(Source(("pack", dtype), lambda: str(_Packer(dtype).emit())))


class _Packer:
    """Writes the module of the packing kernel."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.format = FORMATS[dtype]
        self.count = this_machine().vector_bytes // dtype.itemsize
        self.module = ir.Module(f"pack_f{8 * self.format.bytes}")

    def emit(self) -> ir.Module:
        """The module, complete."""
        kind = ir.FunctionType(ir.VoidType(), (POINTER, I64, I64))
        function = ir.Function(self.module, kind, "run")
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        task, first, end = function.args
        fields = numbers(builder, task, _TASK)
        jobs = builder.inttoptr(fields["jobs"], POINTER)
        with loop(builder, I64(0), fields["count"], 1) as index:
            base = builder.gep(jobs, [builder.mul(index, I64(len(Job._fields)))], source_etype=I64)
            job = Job(**numbers(builder, base, Job._fields))
            matrix = builder.select(builder.icmp_signed("==", job.matrix, I64(0)), fields["W"], fields["U"])
            with loop(builder, first, end, 1) as strip:
                self._strip(builder, job, matrix, fields["panels"], fields["units"], strip)
        builder.ret_void()
        emit_share(self.module, function)
        return self.module

    def _strip(self, builder: ir.IRBuilder, job: Job, matrix: Any, panels: Any, units: Any, strip: Any) -> None:
        """All k of one strip. Strips beyond the last unit are zeros, those beyond the last block do not exist."""
        unit = builder.mul(strip, I64(self.count))
        block, vector = builder.udiv(strip, job.strips), builder.urem(strip, job.strips)
        place = builder.add(builder.mul(block, job.block), builder.mul(vector, I64(self.count)))
        target = self._at(builder, builder.inttoptr(panels, POINTER), builder.add(job.target, place))
        start = builder.add(job.start, builder.mul(unit, job.unit_step))
        source = self._at(builder, builder.inttoptr(matrix, POINTER), start)
        left = builder.sub(units, unit)
        blocks = builder.udiv(builder.add(units, builder.sub(width := self._width(builder, job), I64(1))), width)
        with builder.if_then(builder.icmp_signed("<", block, blocks)):
            whole = builder.icmp_signed(">=", left, I64(self.count))
            straight = builder.icmp_signed("==", job.unit_step, I64(1))
            fast = builder.select(whole, job.length, I64(0))
            in_squares = builder.mul(builder.udiv(fast, I64(self.count)), I64(self.count))
            done = builder.select(straight, fast, in_squares)
            with builder.if_else(straight) as (copied, transposed):
                with copied, loop(builder, I64(0), done, 1) as k:
                    self._store(builder, self._load(builder, source, builder.mul(k, job.k_step)), target, job, k)
                with transposed, loop(builder, I64(0), done, self.count) as k:
                    self._square(builder, source, target, job, k)
            with loop(builder, done, job.length, 1) as k:
                self._one_by_one(builder, source, target, job, k, left)

    def _width(self, builder: ir.IRBuilder, job: Job) -> Any:
        return builder.mul(job.strips, I64(self.count))

    def _square(self, builder: ir.IRBuilder, source: Any, target: Any, job: Job, k: Any) -> None:
        """As many k as a vector has lanes: a square, transposed in registers, halves of halves changing places."""
        rows = [
            self._load(builder, source, builder.add(k, builder.mul(I64(unit), job.unit_step)))
            for unit in range(self.count)
        ]
        distance = self.count // 2
        while distance:
            for low in (index for index in range(self.count) if not index & distance):
                rows[low], rows[low + distance] = self._exchanged(builder, rows[low], rows[low + distance], distance)
            distance //= 2
        for offset, row in enumerate(rows):
            self._store(builder, row, target, job, builder.add(k, I64(offset)))

    def _exchanged(self, builder: ir.IRBuilder, a: Any, b: Any, distance: int) -> tuple[Any, Any]:
        lanes = range(self.count)
        low = [lane if not lane & distance else self.count + lane - distance for lane in lanes]
        high = [lane + distance if not lane & distance else self.count + lane for lane in lanes]
        kind = ir.VectorType(I32, self.count)
        return tuple(builder.shuffle_vector(a, b, ir.Constant(kind, mask)) for mask in (low, high))  # pyright: ignore[reportReturnType]

    def _one_by_one(self, builder: ir.IRBuilder, source: Any, target: Any, job: Job, k: Any, left: Any) -> None:
        scalar = self.format.scalar
        row = self._at(builder, source, builder.mul(k, job.k_step))
        to = self._at(builder, target, builder.mul(k, job.k_width))
        there = smaller(builder, larger(builder, left, I64(0)), I64(self.count))
        with loop(builder, I64(0), there, 1) as lane:
            value = builder.load(self._at(builder, row, builder.mul(lane, job.unit_step)), typ=scalar)
            builder.store(value, self._at(builder, to, lane))
        with loop(builder, there, I64(self.count), 1) as lane:
            builder.store(ir.Constant(scalar, 0.0), self._at(builder, to, lane))

    def _at(self, builder: ir.IRBuilder, base: Any, offset: Any) -> Any:
        return builder.gep(base, [offset], source_etype=self.format.scalar)

    def _load(self, builder: ir.IRBuilder, base: Any, offset: Any) -> Any:
        vector = ir.VectorType(self.format.scalar, self.count)
        return builder.load(self._at(builder, base, offset), typ=vector, align=self.format.bytes)

    def _store(self, builder: ir.IRBuilder, value: Any, target: Any, job: Job, k: Any) -> None:
        place = self._at(builder, target, builder.mul(k, job.k_width))
        builder.store(value, place, align=self.format.bytes)
