"""Programs on tensors: the plain rendering, and the one that looks at every value of all steps at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

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
