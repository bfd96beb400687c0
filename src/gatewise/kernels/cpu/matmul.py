"""Matrix products for gradients: a compiled kernel that adds A B to C, its results in registers while it sums.

torch.mm goes to MKL, which on AMD processors runs at less than half of what they can; the sweeps' way of
multiplying does not. Sums over k are taken in stretches, in an order that does not depend on threads.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import torch
from llvmlite import ir
from torch import Tensor

from ...compiler.render.llvm_math import I64, Lanes
from .blocking import MOST_VECTORS, rows_in_registers, this_machine
from .compile import Runnable, made_once, runnable
from .kept_code import Source
from .loops import call_chosen, equal_parts, loop, numbers, smaller
from .memory import lent
from .pack import Job, pack_jobs
from .team import emit_share
from .threads import run, wanted
from .tiles import TileProduct, add_products, load_vector, spilled
from .writer import FORMATS, POINTER, copy_tail

_SPARE_REGISTERS = 8  # beside those that hold a tile of C: one for each vector of B, and what is on its way
_PART = 12  # rows that threads are given at once, and the most in a tile
# So many k at a time, so that their part of B stays in a core's cache; so many rows, so that their part of A does too.
_STRETCH = 512
_GROUP = 4 * _PART
# What the kernel is told, 64-bit integers. Steps are in elements; panels: B packed.
PRODUCT_TASK = ("a", "a_row", "a_k", "panels", "c", "c_row", "rows", "columns", "length")


class Panels(NamedTuple):
    """A matrix (K, M), packed. vectors: how many make one panel of columns. pairs: its numbers are words of two
    neighbouring k each, as those of what it is multiplied with."""

    data: Tensor
    length: int
    columns: int
    vectors: int
    pairs: bool


def panels_of(b: Tensor, *, pairs: bool = False) -> Panels:
    """A matrix whose last dimension is contiguous, packed to be multiplied with; pairs: as :class:`Panels`."""
    length, columns = b.shape
    layout = layout_of(length, columns, b.stride(0), b.dtype)
    data = lent(b, layout.size)
    pack_jobs(layout.jobs, layout.strips, columns, b, b, data, wanted(length * columns))
    return Panels(data, length, columns, layout.vectors, pairs)


class PanelLayout(NamedTuple):
    """How a matrix is packed. vectors: of a panel. strips: vectors in all. size: elements. jobs: for the packer."""

    vectors: int
    strips: int
    size: int
    jobs: ctypes.Array[ctypes.c_int64]


def layout_of(length: int, columns: int, row: int, dtype: torch.dtype) -> PanelLayout:
    """For a matrix (length, columns) with rows so far apart."""
    lanes = this_machine().vector_bytes // dtype.itemsize
    strips = -(-columns // lanes)
    vectors = _vectors_for(strips)
    blocks, width = -(-strips // vectors), vectors * lanes
    job = Job(0, 0, 1, row, length, 0, width, length * width, vectors)
    return PanelLayout(vectors, blocks * vectors, blocks * length * width, (ctypes.c_int64 * len(job))(*job))


def _vectors_for(strips: int) -> int:
    """As wide as fills the last panel best; a single vector has too few sums under way to hide how long one takes."""
    return min(range(MOST_VECTORS, 1, -1), key=lambda vectors: -strips % vectors) if strips > 1 else 1


def add_product(c: Tensor, a: Tensor, b: Panels, *, transposed: bool = False) -> None:
    """c (N, M) += a (N, K) times b (K, M); ``transposed``: a is (K, N). The last dimension of each is contiguous."""
    rows = c.shape[0]
    if 0 in (rows, b.length, b.columns):
        return
    threads = wanted(rows * b.length * b.columns)
    steps = (1, a.stride(0)) if transposed else (a.stride(0), 1)
    places = (a.data_ptr(), *steps, b.data.data_ptr(), c.data_ptr(), c.stride(0))
    task = (ctypes.c_int64 * len(PRODUCT_TASK))(*places, rows, b.columns, b.length)
    parts = product_parts(rows)
    run(
        product_kernel(c.dtype, b.vectors, this_machine().pairs if b.pairs else ""),
        ctypes.addressof(task),
        parts,
        -(-parts // threads),
        threads,
    )


def product_parts(rows: int) -> int:
    """How many parts a product's rows are shared out in."""
    return -(-rows // _PART)


@made_once
def product_kernel(dtype: torch.dtype, vectors: int, pairs: str = "") -> Runnable:
    """``run(task, first part of the rows, end)``, for panels that are so many vectors wide; see ``PRODUCT_TASK``.

    pairs: see :class:`.blocking.Machine`; empty where panels hold numbers.
    """
    origin = ("product", dtype, vectors, pairs)
    return runnable(Source(origin, lambda: str(_ProductEmitter(dtype, vectors, pairs).emit())))


class _ProductEmitter:
    def __init__(self, dtype: torch.dtype, vectors: int, pairs: str = "") -> None:
        self.format, self.vectors, self.pairs = FORMATS[dtype], vectors, pairs
        self.count = this_machine().vector_bytes // dtype.itemsize
        self.module = ir.Module(f"product_f{8 * self.format.bytes}_{vectors}")
        self.copy = copy_tail(self.module, self.format.scalar, self.count)
        self.add = self._adder()

    def emit(self) -> ir.Module:
        """The module, complete."""
        most = rows_in_registers(this_machine(), self.vectors, _SPARE_REGISTERS, _PART)
        tiles = {rows: self._tile(rows) for rows in range(1, most + 1)}
        function, builder = self._function("run", POINTER, I64, I64)
        task, first, end = function.args
        fields = numbers(builder, task, PRODUCT_TASK)
        start, stop = (self._first_row(builder, fields["rows"], part) for part in (first, end))
        self._loops(builder, fields, tiles, start, stop)
        builder.ret_void()
        emit_share(self.module, function)
        return self.module

    def _first_row(self, builder: ir.IRBuilder, rows: Any, part: Any) -> Any:
        return smaller(builder, builder.mul(part, I64(_PART)), rows)

    def _function(self, name: str, *kinds: ir.Type) -> tuple[ir.Function, ir.IRBuilder]:
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), kinds), name)
        return function, ir.IRBuilder(function.append_basic_block("entry"))

    def _loops(
        self, builder: ir.IRBuilder, fields: dict[str, Any], tiles: dict[int, ir.Function], start: Any, stop: Any
    ) -> None:
        """Stretches of k outside, then groups of rows, blocks of columns, and tiles of rows."""
        length, columns = fields["length"], fields["columns"]
        width = I64(self.vectors * self.count)
        a, panels, c = (builder.inttoptr(fields[name], POINTER) for name in ("a", "panels", "c"))
        stretch = self._divided(builder, length, self._divided(builder, length, I64(_STRETCH)))  # all about as long
        with loop(builder, I64(0), length, stretch) as k, loop(builder, start, stop, _GROUP) as group:
            count = smaller(builder, builder.sub(length, k), stretch)
            end_of_group = smaller(builder, builder.add(group, I64(_GROUP)), stop)
            with loop(builder, I64(0), columns, width) as column:
                block = builder.mul(builder.mul(builder.udiv(column, width), length), width)
                b = self._at(builder, panels, builder.add(block, builder.mul(k, width)))
                left = builder.sub(columns, column)
                with equal_parts(builder, group, end_of_group, len(tiles)) as (row, rows):
                    a_at = builder.add(builder.mul(row, fields["a_row"]), builder.mul(k, fields["a_k"]))
                    c_at = builder.add(builder.mul(row, fields["c_row"]), column)
                    where = (self._at(builder, a, a_at), b, self._at(builder, c, c_at))
                    steps = (fields["a_row"], fields["a_k"], fields["c_row"], count, left)
                    call_chosen(builder, tiles, rows, (*where, *steps), "tiles")

    @staticmethod
    def _divided(builder: ir.IRBuilder, number: Any, by: Any) -> Any:
        """Rounded up."""
        return builder.udiv(builder.add(number, builder.sub(by, I64(1))), by)

    def _tile(self, rows: int) -> ir.Function:
        """A function of (a, b, c, steps of a's rows, a's k and c's rows, number of k, columns left)."""
        vectors = self.vectors
        function, builder = self._function(f"tile_{rows}", *(POINTER,) * 3, *(I64,) * 5)
        function.linkage = "internal"
        function.attributes.add("noinline")
        a, b, c, a_row, a_k, c_row, count, left = function.args
        lanes = Lanes(builder, self.format, self.count, pairs=self.pairs)
        keys = [[(row, v) for row in range(rows)] for v in range(vectors)]
        sums = {(row, v): lanes.constant(0.0) for row in range(rows) for v in range(vectors)}
        starts = [self._at(builder, a, builder.mul(I64(row), a_row)) for row in range(rows)]
        add_products(lanes, count, [TileProduct(starts, [b], [keys], a_k)], sums)
        totals = spilled(lanes, list(sums.values()))
        builder.call(self.add, (totals, c, c_row, left, I64(rows)))
        builder.ret_void()
        return function

    def _adder(self) -> ir.Function:
        """A function of (totals, c, step of c's rows, columns left, rows): adds the totals to c."""
        function, builder = self._function("add_totals", *(POINTER,) * 2, *(I64,) * 3)
        function.linkage = "internal"
        function.attributes.add("noinline")
        totals, c, c_row, left, rows = function.args
        vectors = I64(self.vectors)
        lanes = Lanes(builder, self.format, self.count)
        spill = builder.alloca(lanes.vector)
        with loop(builder, I64(0), rows, 1) as row, loop(builder, I64(0), vectors, 1) as v:
            index = builder.add(builder.mul(row, vectors), v)
            total = builder.load(builder.gep(totals, [index], source_etype=lanes.vector), typ=lanes.vector)
            column = builder.mul(v, I64(self.count))
            target = self._at(builder, c, builder.add(builder.mul(row, c_row), column))
            self._add(builder, lanes, total, target, builder.sub(left, column), spill)
        builder.ret_void()
        return function

    def _add(self, builder: ir.IRBuilder, lanes: Lanes, total: Any, target: Any, left: Any, spill: Any) -> None:
        """Add a vector to as many of the target's elements as there are."""
        with builder.if_else(builder.icmp_signed(">=", left, I64(self.count))) as (whole, ragged):
            with whole:
                builder.store(builder.fadd(load_vector(lanes, target), total), target, align=self.format.bytes)
            with ragged, builder.if_then(builder.icmp_signed(">", left, I64(0))):
                builder.store(lanes.constant(0.0), spill)
                builder.call(self.copy, (target, spill, left))
                builder.store(builder.fadd(builder.load(spill, typ=lanes.vector), total), spill)
                builder.call(self.copy, (spill, target, left))

    def _at(self, builder: ir.IRBuilder, base: Any, offset: Any) -> Any:
        return builder.gep(base, [offset], source_etype=self.format.scalar)
