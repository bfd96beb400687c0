"""The table of 64-bit integers through which a compiled sweep gets its sizes, pointers and strides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ...compiler.stages import Sweep

SIZES = ("steps", "rows", "inputs", "units")


class Array(NamedTuple):
    """Where an array of rows lies: row ``b`` of step ``n`` starts at ``pointer + n * step + b * row`` elements.

    At step number ``edge_at`` (-1 for none) it starts at ``edge + b * edge_row`` instead: the initial state, say.
    Steps are numbered in the order in which the sweep visits them. A step of 0 is an array written in place.
    """

    pointer: int
    step: int
    row: int
    edge: int = 0
    edge_row: int = 0
    edge_at: int = -1

    def a_step_ago(self, edge: int, edge_row: int, itemsize: int) -> Array:
        """The same array one step earlier in the order visited; before the first step there is the edge."""
        return Array(self.pointer - self.step * itemsize, self.step, self.row, edge, edge_row, 0)


@dataclass(frozen=True)
class Table:
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
        for name in (*self.sweep.vectors, *self.panels):
            slots[name] = position
            position += 1
        return slots

    @cached_property
    def panels(self) -> tuple[str, ...]:
        """One panel of packed weights for each stage."""
        return tuple(f"panel_{index}" for index in range(len(self.sweep.stages)))

    def filled(self, sizes: Mapping[str, int], arrays: Mapping[str, Array], pointers: Mapping[str, int]) -> list[int]:
        """The numbers of the whole table. KeyError where something that the sweep needs is missing."""
        numbers: list[int] = [sizes[name] for name in SIZES]
        for name in self.sweep.arrays:
            numbers += arrays[name]
        return numbers + [pointers[name] for name in (*self.sweep.vectors, *self.panels)]
