"""Programs on tensors: the plain rendering, and the one that looks at every value of all steps at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ...equation import Cell, previous
from ..lower import program_of
from ..ops import OPS
from ..program import Program


def evaluate(
    program: Program, inputs: Mapping[str, Tensor], product: Callable[[str, Tensor], Tensor] | None = None
) -> dict[str, Any]:
    """Every value of the program by name, for inputs of any one (broadcast) shape, dtype and device.

    product: (name of the result, operand) -> result, needed where the program multiplies with U inside the step.
    """
    values: dict[str, Any] = dict(inputs)
    sample = next(iter(inputs.values()))
    for instruction in program.body:
        arguments = [values[argument] for argument in instruction.args]
        if instruction.op == "constant":
            result: Any = torch.tensor(instruction.constant, dtype=sample.dtype, device=sample.device)
        elif instruction.op == "product":
            if product is None:
                raise ValueError(f"{program.name} multiplies inside the step: give product=")
            result = product(instruction.name, arguments[0])
        else:
            result = OPS[instruction.op].torch(*arguments)
        values[instruction.name] = result
    return values


def new_states(cell: Cell, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
    """The new states by the plain rendering. arguments: as the step takes them, by the names of its parameters."""
    program = program_of(cell)
    names = {gate.preactivation: gate.letter for gate in cell.gates} | {previous(name): name for name in cell.state}
    inputs = {name: arguments[names.get(name, name)] for name in program.inputs}
    values = evaluate(program, inputs, lambda name, operand: arguments[names[name]](operand))
    return tuple(values[program.outputs[state]] for state in cell.state)


@cache
def has_own_dtype(cell: Cell) -> bool:
    """Whether the step makes numbers of PyTorch's default dtype, whatever it is called on: ``where(c, 1.0, 0.0)``."""
    by_name = program_of(cell).by_name
    chosen = [i.args[1:] for i in by_name.values() if i.op == "where"]
    return any(all(name in by_name and by_name[name].op == "constant" for name in pair) for pair in chosen)
