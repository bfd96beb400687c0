"""An exported file as it is built: its tables, its functions, and the statements of one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from torch import Tensor

from ...compiler.program import Program
from ...compiler.render.c import emit, number
from ...compiler.rules import EVERY, Interval
from .arrays import CArray, Numbers, Storage
from .layouts import AffineSums
from .numpy_model import OVER_UNITS, NumpyModel, RunState, evaluated, filled
from .text import Identifiers, float_table, int_table

LOCALS = ("state", "values", "x", "y", "w", "z", "a", "s", "j", "k", "r", "block", "steps", "low", "high", "v")


class Slot(NamedTuple):
    """A state in the struct. field: of the struct, and the index at which it begins there. starts: initial values.

    own: how many numbers it has; the others of the array repeat them.
    """

    name: str
    field: str
    begin: int
    array: CArray
    starts: list[float]
    own: int


class Arithmetic(Protocol):
    """The number types in which a file computes its products and stores its states."""

    def state(self, key: str, bound: Interval, starts: Sequence[float], *, output: bool) -> Storage:
        """How a state is stored. output: whether later layers multiply it."""
        ...

    def sums(self, builder: FileBuilder, sums: AffineSums, arrays: Sequence[CArray]) -> list[CArray]:
        """See :meth:`FileBuilder.sums`."""
        ...


@dataclass
class FileBuilder:
    """prefix: of every name in the file, such as ``model_``.

    tables, functions: C text. step: the statements of one step. slots: the states, in their order. stack: bytes of
    the arrays of a step. macs: multiplications of one step. data: the bytes of all tables, in their order.
    numpy_model: the same step in numpy. operands: how many arrays have been multiplied so far.
    """

    prefix: str
    arithmetic: Arithmetic
    tables: list[str] = field(default_factory=list[str])
    functions: list[str] = field(default_factory=list[str])
    step: list[str] = field(default_factory=list[str])
    slots: list[Slot] = field(default_factory=list[Slot])
    data: list[bytes] = field(default_factory=list[bytes])
    numpy_model: NumpyModel = field(default_factory=NumpyModel)
    stack: int = 0
    macs: int = 0
    operands: int = 0

    def __post_init__(self) -> None:
        self.identifier = Identifiers(LOCALS, self.prefix)

    @property
    def states(self) -> int:
        """How many numbers stay from step to step."""
        return sum(slot.own for slot in self.slots)

    def constants(self, name: str, numbers: Tensor) -> CArray:
        """Add a table of floats."""
        table, values = f"{self.prefix}{self.identifier(name)}", numbers.detach().float().cpu().reshape(-1)
        self.tables.append(float_table(table, values))
        self.data.append(values.numpy().astype("<f4").tobytes())
        self.numpy_model.constants[table] = values.numpy()
        return CArray.named(table, values.numel())

    def integers(self, name: str, numbers: Numbers, c: str) -> str:
        """Add a table of whole numbers of the C type ``c``; its name."""
        table = f"{self.prefix}{self.identifier(name)}"
        self.tables.append(int_table(table, numbers, c))
        self.data.append(numbers.astype(numbers.dtype.newbyteorder("<")).tobytes())
        return table

    def state(self, name: str, starts: Tensor, bound: Interval = EVERY, *, output: bool, own: int = 0) -> CArray:
        """Add numbers that stay from step to step. bound: of what a step computes. output: see :class:`Arithmetic`.

        own: how many there are, where the others repeat them.
        """
        pointer, values = self.identifier(name), starts.detach().double().reshape(-1).tolist()
        key = f"state{self.states}"
        storage = self.arithmetic.state(key, bound, values, output=output)
        struct_field = {"float": "values", "int16_t": "narrow", "int32_t": "wide"}[storage.c]
        begin = sum(slot.array.size for slot in self.slots if slot.field == struct_field)
        array = CArray.named(pointer, len(values), storage)
        self.slots.append(Slot(pointer, struct_field, begin, array, values, own or len(values)))
        self.step.append(f"{storage.c} *const {pointer} = state->{struct_field} + {begin};")
        self.numpy_model.add_array(array, np.asarray(values))
        self.numpy_model.actions.append(lambda run_state: run_state.note_range(key, run_state.get(array)))
        return array

    def array(self, name: str, size: int, storage: Storage | None = None) -> CArray:
        """Add numbers of one step only."""
        local = self.identifier(name)
        array = CArray.named(local, size) if storage is None else CArray.named(local, size, storage)
        self.stack += size * array.storage.width
        self.step.append(f"{array.storage.c} {local}[{size}];")
        self.numpy_model.add_array(array)
        return array

    def sums(self, sums: AffineSums, arrays: Sequence[CArray]) -> list[CArray]:
        """Have the rows of ``sums`` added up; an array for each gate."""
        self.macs += sums.products
        return self.arithmetic.sums(self, sums, arrays)

    def reduced(self, name: str, op: str, array: CArray) -> CArray:
        """The mean, sum or maximum of an array, as one number."""
        floats, local = self.floats(array), self.identifier(name)
        self.step.append(f"const float {local} = {self.prefix}{op}({floats.text}, {floats.size});")
        result = CArray(local, 1, local, local)
        self.numpy_model.add_array(result)
        self.numpy_model.actions.append(lambda run_state: run_state.put(result, OVER_UNITS[op](run_state.get(floats))))
        return result

    def floats(self, array: CArray) -> CArray:
        """The same numbers as floats."""
        if array.storage.c == "float":
            return array
        return self.copied(array, self.array(f"{array.key}_floats", array.size))

    def copied(self, source: CArray, target: CArray) -> CArray:
        """Have ``target`` filled with the numbers of ``source``."""
        self.loop(source.size, Program("copied", ("v",), (), {"v": "v"}), {"v": source}, {"v": target})
        return target

    def loop(
        self, count: int, body: Program, inputs: Mapping[str, CArray | float], stores: Mapping[str, CArray]
    ) -> None:
        """Compute a body for every unit. inputs: what it reads. stores: where outputs go, once all has been read."""
        identifier, lines = Identifiers(LOCALS, self.prefix), list[str]()
        expressions: dict[str, str] = {}
        for name, value in inputs.items():
            if isinstance(value, CArray) and "{}" in value.item:
                expressions[name] = identifier(name)
                lines.append(f"const float {expressions[name]} = {value.at('j')};")
            else:
                expressions[name] = value.item if isinstance(value, CArray) else number(value)
        statements, expressions = emit(body, expressions, identifier, self.prefix)
        stored = [
            f"{target.stored('j')} = {target.storage.write(expressions[body.outputs[output]], self.prefix)};"
            for output, target in stores.items()
        ]
        text = "\n".join(f"        {line}" for line in [*lines, *statements, *stored])
        self.step.append(f"for (size_t j = 0; j < {count}; ++j) {{\n{text}\n    }}")

        def run(run_state: RunState) -> None:
            arrays = {
                name: run_state.get(value) if isinstance(value, CArray) else filled(value)
                for name, value in inputs.items()
            }
            results = evaluated(body, arrays)
            for output, target in stores.items():
                run_state.put(target, results[body.outputs[output]])

        self.numpy_model.actions.append(run)
