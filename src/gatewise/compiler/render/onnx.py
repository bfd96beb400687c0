"""Programs as ONNX nodes on whole rows: the pointwise hole of a Scan, and the maps between recurrent layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..ops import OPS
from ..program import Program

# The units of a row lie in the last dimension.
_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "ReduceMean": {"axes": [-1], "keepdims": 1},
    "ReduceMax": {"axes": [-1], "keepdims": 1},
    "ReduceSum": {"keepdims": 1},
}
_AXES_ARE_INPUTS = ("ReduceSum",)  # from opset 13 on; of the others from 18 on


class Nodes(Protocol):
    """Where nodes are put."""

    def node(self, operator: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node of one result; its name, made from the one wished for."""
        ...

    def indices(self, *values: int) -> str:
        """The name of whole numbers."""
        ...

    def number(self, value: float) -> str:
        """The name of a number without dimensions."""
        ...


def emit(
    program: Program,
    inputs: Mapping[str, str],
    nodes: Nodes,
    product: Callable[[str, str], str] | None = None,
) -> dict[str, str]:
    """Add the program; what its outputs are called among the nodes.

    inputs: what each input is called there. product: (name of the result, operand) -> result, as for
    :func:`.reference.evaluate`.
    """
    values = dict(inputs)
    for instruction in program.body:
        arguments = [values[argument] for argument in instruction.args]
        if instruction.op == "constant":
            result = nodes.number(instruction.constant)
        elif instruction.op == "product":
            assert product is not None, f"{program.name} multiplies inside the step: give product="
            result = product(instruction.name, arguments[0])
        else:
            result = _applied(instruction.op, arguments, nodes, instruction.name)
        values[instruction.name] = result
    return {output: values[value] for output, value in program.outputs.items()}


def _applied(op: str, arguments: list[str], nodes: Nodes, name: str) -> str:
    for operator in OPS[op].onnx.split():
        axes = [nodes.indices(-1)] if operator in _AXES_ARE_INPUTS else []
        arguments = [nodes.node(operator, *arguments, *axes, name=name, **_ATTRIBUTES.get(operator, {}))]
    return arguments[0]
