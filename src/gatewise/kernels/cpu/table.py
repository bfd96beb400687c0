"""The table of 64-bit integers through which a compiled sweep gets its sizes, pointers and strides."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple

from ...compiler.stages import Sweep

# steps: T. begin, end: the steps to run. rows: B. inputs, units: I, H. offsets: the address of the first row of each
# step and the end of the last, or 0 where every step has all B rows. For few rows only, chunk: steps for which the
# input's part is summed up at once; barrier: the address of zeros by which threads wait for each other; yield: that of
# a function that lets others run.
SIZES = ("steps", "begin", "end", "rows", "inputs", "units", "offsets", "chunk", "barrier", "yield")


class When(IntEnum):
    """Which step of time an array is read or written at, seen from the step that the sweep is at."""

    HELD = 0  # it has no time: one row for each sequence, in place
    NOW = 1
    BEFORE = 2  # the step before in time; at the first step there is the edge
    AFTER = 3  # the step after in time; where a sequence has none there is the edge


class Array(NamedTuple):
    """Where an array of rows lies: row ``n`` starts at ``pointer + n * row`` elements, the edge likewise."""

    pointer: int
    row: int
    when: When
    edge: int = 0
    edge_row: int = 0

    def shifted(self, first: int, size: int) -> Array:
        """The same where only rows from ``first`` on are there, in elements of so many bytes."""
        return self._replace(pointer=self.pointer - first * self.row * size)


@dataclass(frozen=True)
class SlotTable:
    """Which slot of the table holds what, for one sweep."""

    sweep: Sweep

    @cached_property
    def slots(self) -> dict[str, int]:
        """The first slot of each size, array, vector and panel of packed weights."""
        slots = {name: index for index, name in enumerate(SIZES)}
        position = len(SIZES)
        for name in self.sweep.arrays:
            slots[name] = position
            position += len(Array._fields)
        for name in (*self.sweep.vectors, *self.panels, *self.sums):
            slots[name] = position
            position += 1
        return slots

    @cached_property
    def panels(self) -> tuple[str, ...]:
        """One panel of packed weights for each stage."""
        return tuple(f"panel_{index}" for index in range(len(self.sweep.stages)))

    @cached_property
    def sums(self) -> tuple[str, ...]:
        """For few rows only: where the input's part of each stage's sums is."""
        return tuple(f"sums_{index}" for index in range(len(self.sweep.stages)))

    @cached_property
    def length(self) -> int:
        """Numbers in all."""
        pointers = len(self.sweep.vectors) + len(self.panels) + len(self.sums)
        return len(SIZES) + len(Array._fields) * len(self.sweep.arrays) + pointers

    def filled(
        self, sizes: tuple[int, ...], arrays: Mapping[str, Array], pointers: Sequence[int]
    ) -> ctypes.Array[ctypes.c_int64]:
        """The whole table; see :meth:`numbers`."""
        return (ctypes.c_int64 * self.length)(*self.numbers(sizes, arrays, pointers))

    def numbers(self, sizes: tuple[int, ...], arrays: Mapping[str, Array], pointers: Sequence[int]) -> list[int]:
        """What fills it; sizes in the order of ``SIZES``, pointers in that of vectors, panels and sums.

        KeyError where an array that it needs is missing.
        """
        numbers: list[int] = list(sizes)
        for name in self.sweep.arrays:
            numbers += arrays[name]
        numbers += pointers
        assert len(numbers) == self.length
        return numbers
