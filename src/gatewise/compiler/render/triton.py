"""Programs as statements of Triton on tiles of rows and units: the pointwise hole of the kernels for GPUs."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..ops import OPS
from ..program import Program


def emit(program: Program, inputs: Mapping[str, str], functions: str) -> tuple[list[str], dict[str, str]]:
    """The statements, one for each value in order, and the expression of every value by its name.

    inputs: the expression of each input. functions: the module with ``exp`` and the like. Products and means must not
    be left in the program.
    """
    values = dict(inputs)
    lines: list[str] = []
    for instruction in program.body:
        if instruction.op == "constant":
            values[instruction.name] = number(instruction.constant)
            continue
        op = OPS[instruction.op]
        spelling = (op.triton or op.c).replace("@", f"{functions}.")
        assert spelling, f"{program.name}: {instruction.op} is not taken unit by unit"
        target = value_name(instruction.name)
        lines.append(f"{target} = {spelling.format(*(values[argument] for argument in instruction.args))}")
        values[instruction.name] = target
    return lines, values


def value_name(name: str) -> str:
    """What a value of a program is called in a kernel, which has names of its own beside."""
    return f"v_{name}"


def number(value: float) -> str:
    """A constant; in parentheses, since it may follow a sign."""
    return f"({value!r})" if math.isfinite(value) else f'float("{value}")'
