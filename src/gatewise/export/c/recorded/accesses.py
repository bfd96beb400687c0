"""From places to indices of C: what stands between the brackets, in terms of the loops around."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...recording import Value
from .arena import Arena
from .constants import C_TYPES, Table, indices_of, table_of, table_text, text_of
from .expressions import Load, affine, reduced


class Terms(NamedTuple):
    """A sum: an offset, and a stride for each loop."""

    offset: int
    strides: tuple[int, ...]

    def text(self, loops: Sequence[str], *more: str) -> str:
        """As C; loops: the names of their variables."""
        parts = [*more, *(_times(stride, name) for stride, name in zip(self.strides, loops, strict=True) if stride)]
        if self.offset or not parts:
            parts.insert(0, str(self.offset))
        return " + ".join(parts).replace("+ -", "- ")


NOWHERE = Terms(0, ())


def _times(stride: int, name: str) -> str:
    return name if stride == 1 else f"-{name}" if stride == -1 else f"{stride} * {name}"


@dataclass(frozen=True)
class Access:
    """A number of an array. array: its name. read: C that makes a number of what is stored. table: of places."""

    array: str
    terms: Terms
    read: str = "{}"
    table: str = ""
    inner: Terms = NOWHERE
    step: str = ""

    def text(self, loops: Sequence[str]) -> str:
        """As C."""
        more = [f"{self.table}[{self.inner.text(loops)}]"] if self.table else []
        found = f"{self.array}[{self.terms.text(loops, *more, *filter(None, [self.step]))}]" if self.array else ""
        return self.read.format(found)

    @property
    def strides(self) -> tuple[tuple[int, int], ...]:
        """What each loop moves, here and in the table."""
        inner = self.inner.strides if self.table else (0,) * len(self.terms.strides)
        return tuple(zip(self.terms.strides, inner, strict=True))

    def over(self, groups: Sequence[Sequence[int]]) -> Access:
        """With one loop for each group of neighbours, which moves what the last of them moves."""

        def merged(terms: Terms) -> Terms:
            return Terms(terms.offset, tuple(terms.strides[group[-1]] for group in groups))

        return replace(self, terms=merged(self.terms), inner=merged(self.inner) if self.table else self.inner)


class Accesses:
    """Where everything is stored, and the tables that this takes.

    given: the C names of inputs and outputs. tables: as text. data: their numbers, before they are made small. flash:
    bytes of tables.
    """

    def __init__(self, arena: Arena, constants: Mapping[Value, NDArray[Any]], given: Mapping[Value, str]) -> None:
        self.arena, self.constants, self.given = arena, constants, given
        self.tables: list[str] = []
        self.data: list[bytes] = []
        self.flash = 0
        self._names: dict[Any, tuple[str, Table]] = {}

    def of(self, load: Load) -> Access:
        """How an entry of its shape is found."""
        if load.value in self.constants:
            return self._constant(self.constants[load.value].ravel()[load.places])
        place = affine(load.places)
        begin = 0 if load.value in self.given else self.arena.offsets[load.value]
        array = self.given.get(load.value) or array_of(load.dtype)
        step = "" if load.along is None else f"{load.along.stride} * {step_of(load.along.scan)}"
        terms = Terms(begin + place.offset, place.strides)
        if not place.rest:
            return Access(array, terms, step=step)
        name, strides = self._indices(place.table)
        return Access(array, terms, table=name, inner=Terms(0, strides), step=step)

    def _constant(self, array: NDArray[Any]) -> Access:
        least, strides = reduced(array)
        if least.size == 1:
            return Access("", Terms(0, strides), text_of(least.reshape(-1)[0]))
        flat = np.ascontiguousarray(least).ravel()
        name, table = self._named("number", flat, table_of)
        return Access(name, Terms(0, strides), table.read)

    def rows(self, kept: NDArray[np.int64], count: int) -> str:
        """The name of a table that says of each of so many rows where it is kept, or that it is not: ``len(kept)``."""
        places = np.full(count, len(kept))
        places[kept] = np.arange(len(kept))
        return self._named("place", places, indices_of)[0]

    def _indices(self, table: NDArray[np.int64]) -> tuple[str, tuple[int, ...]]:
        least, strides = reduced(table)
        return self._named("place", np.ascontiguousarray(least).ravel(), indices_of)[0], strides

    def _named(self, kind: str, flat: NDArray[Any], make: Any) -> tuple[str, Table]:
        key = kind, flat.dtype.str, hashlib.sha256(flat.tobytes()).digest()
        if key not in self._names:
            table = make(flat)
            name = f"@{kind}s_{len(self._names)}"
            self._names[key] = name, table
            self.tables.append(table_text(name, table, len(flat)))
            self.data.append(flat.tobytes())
            self.flash += table.width * len(flat)
        return self._names[key]


def array_of(dtype: np.dtype[Any]) -> str:
    """The C name of the array in which values of a type are."""
    return f"work->{field_of(dtype)}"


def field_of(dtype: np.dtype[Any]) -> str:
    """What that array is called in the struct."""
    return f"{C_TYPES[dtype.name].removesuffix('_t')}s"


def step_of(scan: int) -> str:
    """The C name of the step that a scan is at."""
    return f"t{scan}"
