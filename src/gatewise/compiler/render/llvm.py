"""Programs as LLVM instructions on vectors: the pointwise hole of the CPU kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..ops import OPS
from ..program import Program
from .llvm_math import Lanes


def emit(program: Program, inputs: Mapping[str, Any], lanes: Lanes) -> dict[str, Any]:
    """Write the program at the builder's position; the LLVM value of each of its values, under its own name."""
    values: dict[str, Any] = dict(inputs)
    for instruction in program.body:
        if instruction.op == "constant":
            values[instruction.name] = lanes.constant(instruction.constant)
            continue
        spelling = OPS[instruction.op].llvm
        function = getattr(lanes, spelling, None) or getattr(lanes.builder, spelling)
        arguments = [values[argument] for argument in instruction.args]
        result = function(*arguments)
        if all(result is not argument for argument in arguments):
            result.name = instruction.name
        values[instruction.name] = result
    return values
