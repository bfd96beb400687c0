"""Programs as statements of Triton on tiles of rows and units: the pointwise hole of the kernels for GPUs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..ops import Op
from ..program import Instruction, Program
from .statements import statements


def emit(program: Program, inputs: Mapping[str, str], functions: str) -> tuple[list[str], dict[str, str]]:
    """The statements, one for each value in order, and the expression of every value by its name.

    inputs: the expression of each input. functions: the module with ``exp`` and the like. See `statements`.
    """

    def statement(instruction: Instruction, op: Op, arguments: Sequence[str]) -> tuple[str, str]:
        target = value_name(instruction.name)
        return target, f"{target} = {(op.triton or op.c).replace('@', f'{functions}.').format(*arguments)}"

    return statements(program, inputs, number, statement)


def value_name(name: str) -> str:
    """What a value of a program is called in a kernel, which has names of its own beside."""
    return f"v_{name}"


def number(value: float) -> str:
    """A constant; in parentheses, since it may follow a sign."""
    return f"({value!r})" if math.isfinite(value) else f'float("{value}")'
