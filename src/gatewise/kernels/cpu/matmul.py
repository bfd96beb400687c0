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
_WORTH_GATHERING = 4  # panels that a group is multiplied with; for fewer, copying it takes longer than it saves
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
        self.most = rows_in_registers(this_machine(), self.vectors, _SPARE_REGISTERS, _PART)
        self.copy = copy_tail(self.module, self.format.scalar, self.count)
        self.add, self.gather = self._adder(), self._gatherer()
        self.tiles = self._tiles(gathered=False)
        self.gathered_tiles = self._tiles(gathered=True) if vectors > 1 else {}  # one vector is one panel

    def emit(self) -> ir.Module:
        """The module, complete."""
        function, builder = self._function("run", POINTER, I64, I64)
        task, first, end = function.args
        fields = numbers(builder, task, PRODUCT_TASK)
        start, stop = (self._first_row(builder, fields["rows"], part) for part in (first, end))
        if self.gathered_tiles:
            least = I64((_WORTH_GATHERING - 1) * self.vectors * self.count)
            lie_apart = builder.icmp_signed("!=", fields["a_k"], I64(1))
            pays = builder.and_(lie_apart, builder.icmp_signed(">", fields["columns"], least))
            with builder.if_else(pays) as (gathering, in_place):
                with gathering:
                    self._loops(builder, fields, start, stop, gathered=True)
                with in_place:
                    self._loops(builder, fields, start, stop, gathered=False)
        else:
            self._loops(builder, fields, start, stop, gathered=False)
        builder.ret_void()
        emit_share(self.module, function)
        return self.module

    def _first_row(self, builder: ir.IRBuilder, rows: Any, part: Any) -> Any:
        return smaller(builder, builder.mul(part, I64(_PART)), rows)

    def _function(self, name: str, *kinds: ir.Type) -> tuple[ir.Function, ir.IRBuilder]:
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), kinds), name)
        return function, ir.IRBuilder(function.append_basic_block("entry"))

    def _internal(self, name: str, *kinds: ir.Type) -> tuple[ir.Function, ir.IRBuilder]:
        """One that is called from here alone, and not copied into where it is called."""
        function, builder = self._function(name, *kinds)
        function.linkage = "internal"
        function.attributes.add("noinline")
        return function, builder

    def _loops(self, builder: ir.IRBuilder, fields: dict[str, Any], start: Any, stop: Any, *, gathered: bool) -> None:
        """Stretches of k outside, then groups of rows, blocks of columns, and tiles of rows.

        gathered: rows of a group are copied first, so that a tile's numbers for each k lie side by side. A column of a
        matrix has them a page apart.
        """
        length, columns = fields["length"], fields["columns"]
        width = I64(self.vectors * self.count)
        panels, c = (builder.inttoptr(fields[name], POINTER) for name in ("panels", "c"))
        stretch = self._divided(builder, length, self._divided(builder, length, I64(_STRETCH)))  # all about as long
        near = self._room(builder) if gathered else None
        with loop(builder, I64(0), length, stretch) as k, loop(builder, start, stop, _GROUP) as group:
            count = smaller(builder, builder.sub(length, k), stretch)
            end_of_group = smaller(builder, builder.add(group, I64(_GROUP)), stop)
            if near:
                self._gather(builder, fields, near, (group, end_of_group), k, count)
            with loop(builder, I64(0), columns, width) as column:
                block = builder.mul(builder.mul(builder.udiv(column, width), length), width)
                b = self._at(builder, panels, builder.add(block, builder.mul(k, width)))
                left = builder.sub(columns, column)
                with equal_parts(builder, group, end_of_group, self.most) as (row, rows):
                    c_at = self._at(builder, c, builder.add(builder.mul(row, fields["c_row"]), column))
                    if near:
                        a_at, steps = self._near(builder, near, row, group, count), ()
                    else:
                        a_at, steps = self._row_of_a(builder, fields, row, k), (fields["a_row"], fields["a_k"])
                    tiles, names = (self.gathered_tiles, "gathered_tiles") if near else (self.tiles, "tiles")
                    call_chosen(builder, tiles, rows, (a_at, b, c_at, fields["c_row"], count, left, *steps), names)

    def _room(self, builder: ir.IRBuilder) -> Any:
        """For a group's rows of a stretch, and what is copied too much of the last."""
        with builder.goto_entry_block():
            return builder.alloca(self.format.scalar, I64(_GROUP * _STRETCH + self._vectors_of_rows * self.count))

    def _gather(
        self, builder: ir.IRBuilder, fields: dict[str, Any], near: Any, group: tuple[Any, Any], k: Any, count: Any
    ) -> None:
        """Copy what the tiles of a group read, one tile after another. group: its first row, and its end."""
        with equal_parts(builder, *group, self.most) as (row, rows):
            source, target = self._row_of_a(builder, fields, row, k), self._near(builder, near, row, group[0], count)
            left = builder.sub(fields["rows"], row)
            builder.call(self.gather, (source, target, fields["a_row"], fields["a_k"], count, rows, left))

    def _row_of_a(self, builder: ir.IRBuilder, fields: dict[str, Any], row: Any, k: Any) -> Any:
        a = builder.inttoptr(fields["a"], POINTER)
        return self._at(builder, a, builder.add(builder.mul(row, fields["a_row"]), builder.mul(k, fields["a_k"])))

    def _near(self, builder: ir.IRBuilder, near: Any, row: Any, group: Any, count: Any) -> Any:
        return self._at(builder, near, builder.mul(builder.sub(row, group), count))

    @staticmethod
    def _divided(builder: ir.IRBuilder, number: Any, by: Any) -> Any:
        """Rounded up."""
        return builder.udiv(builder.add(number, builder.sub(by, I64(1))), by)

    def _tiles(self, *, gathered: bool) -> dict[int, ir.Function]:
        """By their rows, functions of (a, b, c, step of c's rows, number of k, columns left), and where a's rows are
        not gathered of steps of a's rows and a's k too."""
        return {rows: self._tile(rows, gathered=gathered) for rows in range(1, self.most + 1)}

    def _tile(self, rows: int, *, gathered: bool) -> ir.Function:
        vectors = self.vectors
        name = f"{'gathered_' if gathered else ''}tile_{rows}"
        function, builder = self._internal(name, *(POINTER,) * 3, *(I64,) * (3 if gathered else 5))
        a, b, c, c_row, count, left, *steps = function.args
        a_row, a_k = steps or (I64(1), I64(rows))
        lanes = Lanes(builder, self.format, self.count, pairs=self.pairs)
        keys = [[(row, v) for row in range(rows)] for v in range(vectors)]
        sums = {(row, v): lanes.constant(0.0) for row in range(rows) for v in range(vectors)}
        starts = [self._at(builder, a, builder.mul(I64(row), a_row)) for row in range(rows)]
        add_products(lanes, count, [TileProduct(starts, [b], [keys], a_k)], sums)
        totals = spilled(lanes, list(sums.values()))
        builder.call(self.add, (totals, c, c_row, left, I64(rows)))
        builder.ret_void()
        return function

    @property
    def _vectors_of_rows(self) -> int:
        """How many vectors hold a number of every row of a tile."""
        return -(-self.most // self.count)

    def _gatherer(self) -> ir.Function:
        """A function of (a, target, steps of a's rows and a's k, number of k, rows of a tile, rows from there to the
        last): copies the tile's numbers, k by k."""
        function, builder = self._internal("gather", *(POINTER,) * 2, *(I64,) * 5)
        a, target, a_row, a_k, count, rows, left = function.args
        lanes = Lanes(builder, self.format, self.count)
        side_by_side = builder.icmp_signed("==", a_row, I64(1))
        inside = builder.icmp_signed(">=", left, I64(self._vectors_of_rows * self.count))
        with builder.if_else(builder.and_(side_by_side, inside)) as (in_vectors, one_by_one):
            with in_vectors, loop(builder, I64(0), count, 1) as k:
                source = self._at(builder, a, builder.mul(k, a_k))
                place = self._at(builder, target, builder.mul(k, rows))
                for v in range(self._vectors_of_rows):  # what is too much is written over by the next k
                    vector = load_vector(lanes, self._at(builder, source, I64(v * self.count)))
                    builder.store(vector, self._at(builder, place, I64(v * self.count)), align=self.format.bytes)
            with one_by_one, loop(builder, I64(0), rows, 1) as row, loop(builder, I64(0), count, 1) as k:
                source = self._at(builder, a, builder.add(builder.mul(row, a_row), builder.mul(k, a_k)))
                number = builder.load(source, typ=self.format.scalar)
                builder.store(number, self._at(builder, target, builder.add(builder.mul(k, rows), row)))
        builder.ret_void()
        return function

    def _adder(self) -> ir.Function:
        """A function of (totals, c, step of c's rows, columns left, rows): adds the totals to c."""
        function, builder = self._internal("add_totals", *(POINTER,) * 2, *(I64,) * 3)
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
