"""Programs as statements, one for each value in order: what every language that computes unit by unit shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..ops import OPS, Op
from ..program import Instruction, Program

Statement = Callable[[Instruction, Op, Sequence[str]], tuple[str, str]]
"""The name of a result and the statement that computes it, from the expressions of its arguments."""


def statements(
    program: Program, inputs: Mapping[str, str], number: Callable[[float], str], statement: Statement
) -> tuple[list[str], dict[str, str]]:
    """The statements, and the expression of every value by its name.

    inputs: the expression of each input. number: a constant's. Products and what is taken over units are no
    instructions of one unit and must not be left in the program.
    """
    values = dict(inputs)
    lines: list[str] = []
    for instruction in program.body:
        if instruction.op == "constant":
            values[instruction.name] = number(instruction.constant)
            continue
        op = OPS[instruction.op]
        assert not op.over_units, f"{program.name}: {instruction.op} is not taken unit by unit"
        values[instruction.name], line = statement(instruction, op, [values[name] for name in instruction.args])
        lines.append(line)
    return lines, values
