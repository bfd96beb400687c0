"""What the gradient may know of means over units, so that it crosses units once where autograd would do so twice.

A number of a whole row, such as a standard deviation, has a gradient from each unit, and passes on what is linear in
it: their mean can be taken at once, and all that follows is done once for a row. And deviations from a mean have the
mean 0, so that their squares do not depend on it: the second term of dQ/dm = -2 sum(v - m) = 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .program import Instruction, Program


def averaged(program: Program, row_numbers: Iterable[str]) -> frozenset[str]:
    """Means over units, and what is computed from nothing else and is one number for a row.

    row_numbers: inputs with one number for a row; their gradients are left to each unit.
    """
    found: set[str] = set()
    of_rows = program.of_rows(())
    for name, instruction in program.by_name.items():
        inexact = [argument for argument in instruction.args if not _is_constant(program, argument)]
        of_means = bool(inexact) and found.issuperset(inexact) and name in of_rows
        if instruction.op == "mean" or of_means:
            found.add(name)
    return frozenset(found)


def squares_of_deviations(program: Program) -> frozenset[str]:
    """The squares ``(v - m) * (v - m)`` whose sum over all v that m is the mean of is averaged, and nothing else made
    of them."""
    found: set[str] = set()
    for instruction in program.body:
        if instruction.op == "mean":
            squares = _terms(program, instruction.args[0], alone=True)
            if all(_uses(program, name) == 1 for name in squares) and _are_deviations(program, squares):
                found.update(squares)
    return frozenset(found)


def _are_deviations(program: Program, squares: list[str]) -> bool:
    """Whether these are squares of the deviations of several values from the mean of them all."""
    deviations = [_squared(program, name) for name in squares]
    means = {instruction.args[1] for instruction in deviations if instruction}
    if None in deviations or len(means) != 1:
        return False
    total, count = _mean(program, *means)
    values = [term for instruction in deviations if instruction for term in _terms(program, instruction.args[0])]
    return count == len(squares) and Counter(values) == Counter(_terms(program, total))


def _squared(program: Program, name: str) -> Instruction | None:
    """The difference that is squared, if one is."""
    square = program.by_name.get(name)
    if square is None or square.op != "mul" or len(set(square.args)) != 1:
        return None
    difference = program.by_name.get(square.args[0])
    return difference if difference is not None and difference.op == "sub" else None


def _mean(program: Program, name: str) -> tuple[str, float]:
    """What this is the mean of over units, divided by which number; by none if it is no mean."""
    instruction, count = program.by_name.get(name), 1.0
    if instruction is not None and instruction.op == "div" and _is_constant(program, instruction.args[1]):
        count = program.by_name[instruction.args[1]].constant
        instruction = program.by_name.get(instruction.args[0])
    return (instruction.args[0], count) if instruction is not None and instruction.op == "mean" else (name, 0.0)


def _terms(program: Program, name: str, *, alone: bool = False) -> list[str]:
    """What is added up to this value. alone: only down to values that are used elsewhere too."""
    name = name if alone else _copied(program, name)
    instruction = program.by_name.get(name)
    if instruction is None or instruction.op != "add" or (alone and _uses(program, name) > 1):
        return [name]
    return [term for argument in instruction.args for term in _terms(program, argument, alone=alone)]


def _uses(program: Program, name: str) -> int:
    return sum(other.args.count(name) for other in program.body) + (name in program.outputs.values())


def _copied(program: Program, name: str) -> str:
    """What this value is a copy of: what is taken over units is computed, and no sum of products itself."""
    instruction = program.by_name.get(name)
    if instruction is None or instruction.op != "mul" or not _is_constant(program, instruction.args[1]):
        return name
    return instruction.args[0] if program.by_name[instruction.args[1]].constant == 1.0 else name


def _is_constant(program: Program, name: str) -> bool:
    return name in program.by_name and program.by_name[name].op == "constant"
