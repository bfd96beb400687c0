"""Programs as C statements on floats: the pointwise hole of an exported file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...errors import InputError
from ..ops import COMPARISONS, Op
from ..program import Instruction, Program
from .statements import statements


def emit(
    program: Program, inputs: Mapping[str, str], name: Callable[[str], str], prefix: str
) -> tuple[list[str], dict[str, str]]:
    """The statements, one for each value in order, and the C expression of every value by its name.

    inputs: the expression of each input. name: an identifier for a value's name that nothing else has. prefix: of
    functions such as ``exp``. See `statements`.
    """

    def statement(instruction: Instruction, op: Op, arguments: Sequence[str]) -> tuple[str, str]:
        target, kind = name(instruction.name), "int" if instruction.op in COMPARISONS else "float"
        return target, f"const {kind} {target} = {op.c.replace('@', prefix).format(*arguments)};"

    return statements(program, inputs, number, statement)


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
