"""An exported file while it is being written: its tables, its functions, and the statements of one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from torch import Tensor

from ...compiler.program import Program
from ...compiler.render.c import emit, number
from ...compiler.rules import EVERY, Interval
from .arrays import Array, Form, Numbers
from .layouts import Sums
from .numpy_model import Memory, Twin, constant, evaluated, mean
from .text import Names, int_table, table

LOCALS = ("state", "values", "x", "y", "w", "z", "a", "s", "j", "k", "r", "block", "steps", "low", "high", "v")


class Slot(NamedTuple):
    """A state in memory. field: of the struct, and where it begins there. starts: what it begins with."""

    name: str
    field: str
    begin: int
    array: Array
    starts: list[float]


class Precision(Protocol):
    """In what numbers a file computes its products and holds its states."""

    def state(self, key: str, bound: Interval, starts: Sequence[float], *, output: bool) -> Form:
        """How a state is held. output: it is what layers give on and multiply."""
        ...

    def sums(self, draft: Draft, sums: Sums, arrays: Sequence[Array]) -> list[Array]:
        """See :meth:`Draft.sums`."""
        ...


@dataclass
class Draft:
    """prefix: of every name in the file, such as ``model_``.

    tables, functions: C text. step: the statements of one step. slots: the states, in their order. stack: bytes of
    the arrays of a step. macs: multiplications of one step. data: the bytes of all tables, in their order. twin: the
    same step in numpy. operands: how many arrays have been multiplied so far.
    """

    prefix: str
    precision: Precision
    tables: list[str] = field(default_factory=list[str])
    functions: list[str] = field(default_factory=list[str])
    step: list[str] = field(default_factory=list[str])
    slots: list[Slot] = field(default_factory=list[Slot])
    data: list[bytes] = field(default_factory=list[bytes])
    twin: Twin = field(default_factory=Twin)
    stack: int = 0
    macs: int = 0
    operands: int = 0

    def __post_init__(self) -> None:
        self.name = Names(LOCALS, self.prefix)

    @property
    def states(self) -> int:
        """How many numbers stay from step to step."""
        return sum(slot.array.size for slot in self.slots)

    def constants(self, name: str, numbers: Tensor) -> Array:
        """A table of floats."""
        full, values = f"{self.prefix}{self.name(name)}", numbers.detach().float().cpu().reshape(-1)
        self.tables.append(table(full, values))
        self.data.append(values.numpy().astype("<f4").tobytes())
        self.twin.constants[full] = values.numpy()
        return Array.named(full, values.numel())

    def integers(self, name: str, numbers: Numbers, c: str) -> str:
        """A table of whole numbers of this type; its name."""
        full = f"{self.prefix}{self.name(name)}"
        self.tables.append(int_table(full, numbers, c))
        self.data.append(numbers.astype(numbers.dtype.newbyteorder("<")).tobytes())
        return full

    def state(self, name: str, starts: Tensor, bound: Interval = EVERY, *, output: bool) -> Array:
        """Numbers that stay from step to step. bound: of what a step computes. output: see :class:`Precision`."""
        own, values = self.name(name), starts.detach().double().reshape(-1).tolist()
        key = f"state{self.states}"
        form = self.precision.state(key, bound, values, output=output)
        place = {"float": "values", "int16_t": "narrow", "int32_t": "wide"}[form.c]
        begin = sum(slot.array.size for slot in self.slots if slot.field == place)
        array = Array.named(own, len(values), form)
        self.slots.append(Slot(own, place, begin, array, values))
        self.step.append(f"{form.c} *const {own} = state->{place} + {begin};")
        self.twin.has(array, np.asarray(values))
        self.twin.actions.append(lambda memory: memory.note(key, memory.get(array)))
        return array

    def array(self, name: str, size: int, form: Form | None = None) -> Array:
        """Numbers of one step only."""
        own = self.name(name)
        array = Array.named(own, size) if form is None else Array.named(own, size, form)
        self.stack += size * array.form.width
        self.step.append(f"{array.form.c} {own}[{size}];")
        self.twin.has(array)
        return array

    def sums(self, sums: Sums, arrays: Sequence[Array]) -> list[Array]:
        """Have the rows of ``sums`` added up; an array for each gate."""
        self.macs += sums.products
        return self.precision.sums(self, sums, arrays)

    def mean(self, name: str, array: Array) -> Array:
        """The mean of an array, as one number."""
        given, own = self.floats(array), self.name(name)
        self.step.append(f"const float {own} = {self.prefix}mean({given.text}, {given.size});")
        found = Array(own, 1, own, own)
        self.twin.has(found)
        self.twin.actions.append(lambda memory: memory.put(found, mean(memory.get(given))))
        return found

    def floats(self, array: Array) -> Array:
        """The same numbers as floats."""
        return array if array.form.c == "float" else self.copied(array, self.array(f"{array.key}_floats", array.size))

    def copied(self, source: Array, target: Array) -> Array:
        """Have ``target`` filled with the numbers of ``source``."""
        self.each(source.size, Program("copied", ("v",), (), {"v": "v"}), {"v": source}, {"v": target})
        return target

    def each(self, count: int, body: Program, inputs: Mapping[str, Array | float], stores: Mapping[str, Array]) -> None:
        """Compute a body for every unit. inputs: what it reads. stores: where outputs go, once all has been read."""
        name, lines = Names(LOCALS, self.prefix), list[str]()
        values: dict[str, str] = {}
        for each, given in inputs.items():
            if isinstance(given, Array) and "{}" in given.item:
                values[each] = name(each)
                lines.append(f"const float {values[each]} = {given.at('j')};")
            else:
                values[each] = given.item if isinstance(given, Array) else number(given)
        statements, values = emit(body, values, name, self.prefix)
        stored = [
            f"{target.held('j')} = {target.form.write(values[body.outputs[output]], self.prefix)};"
            for output, target in stores.items()
        ]
        text = "\n".join(f"        {line}" for line in [*lines, *statements, *stored])
        self.step.append(f"for (size_t j = 0; j < {count}; ++j) {{\n{text}\n    }}")

        def run(memory: Memory) -> None:
            given = {each: memory.get(at) if isinstance(at, Array) else constant(at) for each, at in inputs.items()}
            found = evaluated(body, given)
            for output, target in stores.items():
                memory.put(target, found[body.outputs[output]])

        self.twin.actions.append(run)
