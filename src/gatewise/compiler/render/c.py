"""Programs as C statements on floats: the pointwise hole of an exported file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from ...errors import InputError
from ..ops import COMPARISONS, OPS
from ..program import Program


def emit(
    program: Program, inputs: Mapping[str, str], name: Callable[[str], str], prefix: str
) -> tuple[list[str], dict[str, str]]:
    """The statements, one for each value in order, and the C expression of every value by its name.

    inputs: the expression of each input. name: an identifier for a value's name that nothing else has. prefix: of
    functions such as ``exp``. Products and what is taken over units are no instructions of one unit and must not be
    left in the program.
    """
    values = dict(inputs)
    lines: list[str] = []
    for instruction in program.body:
        if instruction.op == "constant":
            values[instruction.name] = number(instruction.constant)
            continue
        op, target = OPS[instruction.op], name(instruction.name)
        assert not op.over_units, f"{program.name}: {instruction.op} is not taken unit by unit"
        expression = op.c.replace("@", prefix).format(*(values[argument] for argument in instruction.args))
        lines.append(f"const {'int' if instruction.op in COMPARISONS else 'float'} {target} = {expression};")
        values[instruction.name] = target
    return lines, values


def number(value: float) -> str:
    """A float32 as a constant of C and C++, exactly. Raises InputError for one that is not finite."""
    with np.errstate(over="ignore"):
        rounded = np.float32(value)
    if not math.isfinite(rounded):
        raise InputError(f"the model computes with {value}, which is no finite float32", hint="bound it by less")
    text = np.format_float_scientific(rounded, unique=True, trim="0")
    short = np.format_float_positional(rounded, unique=True, trim="0")
    text = short if len(short) <= len(text) else text
    return f"({text}f)" if text.startswith("-") else f"{text}f"
