"""A vector of units of which not all are there, at the end of a row.

What a body reads is copied to a *room*, one vector for each array, where units fill a whole vector; the body runs on
that and what it wrote is copied back. So bodies have no end to care for, and this is there once in a module.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir

from ...compiler.render.llvm_math import I64
from .loops import loop, numbers
from .writer import POINTER, Writer, copy_tail

# What is told of a stage, 64-bit integers: how many vectors and numbers of whole rows its body reads, how many arrays
# it reads or writes, of which it reads the first and writes the last, and how many sums there are for each row; then
# the slots of the vectors in the table, and the places of those numbers and of the arrays.
_STAGE = ("vectors", "row_numbers", "arrays", "read", "written", "sums")
BODY = (POINTER, POINTER, POINTER, I64, I64, I64, I64)
"""The parameters of a body."""


class Ends(NamedTuple):
    """What the body of a stage reads and writes, and how many sums there are for each row."""

    vectors: tuple[str, ...]
    row_numbers: tuple[str, ...]
    loads: tuple[str, ...]
    stores: tuple[str, ...]
    sums: int

    def numbers(self, writer: Writer, name: str) -> Any:
        """Where :class:`Ragged` is told that, under this name."""
        both = [name for name in self.loads if name in self.stores]
        arrays = [name for name in self.loads if name not in both] + both
        arrays += [name for name in self.stores if name not in both]
        counts = (
            len(self.vectors),
            len(self.row_numbers),
            len(arrays),
            len(self.loads),
            len(self.stores),
            self.sums,
        )
        slots = [writer.table.slots[name] for name in self.vectors]
        return writer.constant(name, [*counts, *slots, *(writer.index(name) for name in (*self.row_numbers, *arrays))])


class Ragged:
    """The function that runs a body on the last vector of some rows, where a vector is not full."""

    def __init__(self, writer: Writer, lanes: int) -> None:
        self.writer, self.lanes = writer, I64(lanes)
        self.copy = copy_tail(writer.module, writer.format.scalar, lanes)
        self.function, self.builder = writer.function("ragged", *(POINTER,) * 3, *(I64,) * 3, POINTER, I64)
        self.vector = ir.VectorType(writer.format.scalar, lanes)
        table, self.places, self.sums, self.unit, _, _, stage, _ = self.function.args
        self.stage = numbers(self.builder, stage, _STAGE)
        self.lists = self.builder.gep(stage, [I64(len(_STAGE))], source_etype=I64)
        self.first_array = self.builder.add(self.stage["vectors"], self.stage["row_numbers"])
        self.left = self.builder.sub(writer.slot(self.builder, table, "units"), self.unit)

    def emit(self) -> ir.Function:
        """The function of (table, places, sums, unit, first row, number of rows, stage, body): unit is the first of
        the vector, stage from :meth:`Ends.numbers`, body its address."""
        builder, writer = self.builder, self.writer
        table, _, _, _, first_row, rows, _, body = self.function.args
        count = builder.add(self.stage["vectors"], self.stage["arrays"])
        rooms = builder.alloca(self.vector, count)
        with loop(builder, I64(0), count, 1) as index:
            builder.store(ir.Constant(self.vector, None), self._vector(rooms, index))
        whole_table = builder.alloca(I64, I64(writer.table.length))
        whole_places = builder.alloca(I64, I64(2 * len(writer.sweep.arrays)))
        self._fill_table(table, whole_table, rooms)
        rooms = self._vector(rooms, self.stage["vectors"])
        with loop(builder, I64(0), self.stage["arrays"], 1) as index:
            writer.put_row(builder, whole_places, self._array(index), self._vector(rooms, index))
        kind = ir.PointerType(ir.FunctionType(ir.VoidType(), BODY))
        with loop(builder, I64(0), rows, 1) as r:
            row = builder.add(first_row, r)
            self._place_numbers(whole_places, row)
            with loop(builder, I64(0), self.stage["read"], 1) as index:
                builder.call(self.copy, (self._end(index, row), self._vector(rooms, index), self.left))
            sums = self._vector(self.sums, builder.mul(r, self.stage["sums"]))
            where = (whole_table, whole_places, sums, I64(0), self.lanes, I64(0), I64(1))
            builder.call(builder.inttoptr(body, kind), where)
            written = builder.sub(self.stage["arrays"], self.stage["written"])
            with loop(builder, written, self.stage["arrays"], 1) as index:
                builder.call(self.copy, (self._vector(rooms, index), self._end(index, row), self.left))
        builder.ret_void()
        return self.function

    def _fill_table(self, table: Any, whole_table: Any, rooms: Any) -> None:
        """What a body reads of the table: as many units as a vector has, and the vectors of the table in rooms."""
        builder = self.builder
        builder.store(self.lanes, self._number(whole_table, I64(self.writer.table.slots["units"])))
        with loop(builder, I64(0), self.stage["vectors"], 1) as index:
            slot, room = self._listed(index), self._vector(rooms, index)
            start = builder.inttoptr(builder.load(self._number(table, slot), typ=I64), POINTER)
            builder.call(self.copy, (self.writer.element(builder, start, self.unit), room, self.left))
            builder.store(builder.ptrtoint(room, I64), self._number(whole_table, slot))

    def _place_numbers(self, whole_places: Any, row: Any) -> None:
        with loop(self.builder, self.stage["vectors"], self.first_array, 1) as index:
            place = self._listed(index)
            start = self.writer.row_at(self.builder, self.places, place, row)
            self.writer.put_row(self.builder, whole_places, place, start)

    def _array(self, index: Any) -> Any:
        """Which of the sweep's arrays an array of the stage is."""
        return self._listed(self.builder.add(self.first_array, index))

    def _end(self, index: Any, row: Any) -> Any:
        """Where the last vector of a row of an array of the stage is."""
        start = self.writer.row_at(self.builder, self.places, self._array(index), row)
        return self.writer.element(self.builder, start, self.unit)

    def _listed(self, index: Any) -> Any:
        return self.builder.load(self._number(self.lists, index), typ=I64)

    def _number(self, base: Any, index: Any) -> Any:
        return self.builder.gep(base, [index], source_etype=I64)

    def _vector(self, base: Any, index: Any) -> Any:
        return self.builder.gep(base, [index], source_etype=self.vector)
