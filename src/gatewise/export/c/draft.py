"""An exported file while it is being written: its tables, its functions, and the statements of one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor

from .layouts import Layout, Sums
from .text import Names, table

LOCALS = ("state", "values", "x", "y", "w", "z", "a", "j", "k", "r", "block", "steps")


class Array(NamedTuple):
    """An array of floats while a step runs. text: a C expression of its first number. size: how many there are."""

    text: str
    size: int

    def at(self, index: str) -> str:
        """One of its numbers."""
        return f"{self.text}[{index}]"

    def part(self, begin: int, size: int) -> Array:
        """Some of them."""
        return self if size == self.size else Array(f"({self.text} + {begin})", size)


@dataclass
class Draft:
    """prefix: of every name in the file, such as ``model_``.

    tables, functions: C text. step: the statements of one step. scratch: sizes of the arrays of a step. starts: what
    each number of the state begins with. states: where each named state begins. macs: multiplications of one step.
    weights: all tables, in their order.
    """

    prefix: str
    layout: Layout
    tables: list[str] = field(default_factory=list[str])
    functions: list[str] = field(default_factory=list[str])
    step: list[str] = field(default_factory=list[str])
    scratch: list[int] = field(default_factory=list[int])
    starts: list[float] = field(default_factory=list[float])
    states: dict[str, range] = field(default_factory=dict[str, range])
    weights: list[Tensor] = field(default_factory=list[Tensor])
    macs: int = 0

    def __post_init__(self) -> None:
        self.name = Names(LOCALS, self.prefix)

    def constants(self, name: str, numbers: Tensor) -> Array:
        """A table of weights."""
        full = f"{self.prefix}{self.name(name)}"
        self.tables.append(table(full, numbers))
        self.weights.append(numbers.detach().float().cpu().reshape(-1))
        return Array(full, numbers.numel())

    def state(self, name: str, starts: Tensor) -> Array:
        """Numbers that stay from step to step."""
        begin, own = len(self.starts), self.name(name)
        self.starts += starts.detach().double().reshape(-1).tolist()
        self.states[own] = range(begin, len(self.starts))
        self.step.append(f"float *const {own} = state->values + {begin};")
        return Array(own, starts.numel())

    def array(self, name: str, size: int) -> Array:
        """Numbers of one step only."""
        own = self.name(name)
        self.scratch.append(size)
        self.step.append(f"float {own}[{size}];")
        return Array(own, size)

    def sums(self, sums: Sums, arrays: Sequence[Array]) -> Array:
        """Have the rows of ``sums`` added up; where they are found, as ``layout`` places them."""
        written = self.layout.write(sums)
        weights = self.constants(f"{sums.name}_weights", written.table)
        parameters = "".join(f"const float *{operand}, " for operand in sums.operands)
        function = f"{self.prefix}{self.name(f'{sums.name}_sums')}"
        start = f"    const float *w = {weights.text};\n"
        self.functions.append(f"static void {function}({parameters}float *z)\n{{\n{start}{written.loops}}}\n")
        found = self.array(f"{sums.name}_z", written.room)
        self.step.append(f"{function}({''.join(f'{array.text}, ' for array in arrays)}{found.text});")
        self.macs += sums.products
        return found

    def loop(self, count: int, lines: Sequence[str]) -> None:
        """Statements for every j."""
        body = "\n".join(f"        {line}" for line in lines)
        self.step.append(f"for (size_t j = 0; j < {count}; ++j) {{\n{body}\n    }}")
