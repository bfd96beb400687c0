"""How weights are named and stored in a module, and what the kernels are given. All orders of gates live here.

As in torch.nn: ``weight_ih_l{layer}{_reverse}`` stacks W of every gate that has one in the cell's declared order,
``weight_hh`` U likewise, and each has a bias beside it, so that a gate with both has two that add up. Per-unit weights
follow under their own names.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..equation import Cell, Gate


def suffixes(layers: int, directions: int) -> Iterator[tuple[int, bool, str]]:
    """(layer, whether it runs backward in time, suffix of its weights), in torch's order."""
    for layer in range(layers):
        for reverse in (False, True)[:directions]:
            yield layer, reverse, f"_l{layer}{'_reverse' if reverse else ''}"


def shapes(cell: Cell, inputs: int, units: int, *, bias: bool) -> dict[str, tuple[int, ...]]:
    """The parameters of one layer in one direction, in torch's order, without suffix."""
    from_input = sum(gate.has_input for gate in cell.gates)
    from_state = sum(bool(gate.recurrent) for gate in cell.gates)
    found: dict[str, tuple[int, ...]] = {
        "weight_ih": (from_input * units, inputs),
        "weight_hh": (from_state * units, units),
    }
    if bias:
        found["bias_ih"] = (sum(_in_first_bias(gate) for gate in cell.gates) * units,)
        found["bias_hh"] = (sum(_in_second_bias(gate) for gate in cell.gates) * units,)
    return found | dict.fromkeys(cell.per_unit, (units,))


def _in_first_bias(gate: Gate) -> bool:
    return gate.has_bias and (gate.has_input or not gate.recurrent)


def _in_second_bias(gate: Gate) -> bool:
    return gate.has_bias and bool(gate.recurrent)


def joined_bias(cell: Cell, bias_ih: Tensor, bias_hh: Tensor, units: int) -> Tensor:
    """One bias for each gate that has any, (H for each such gate): the sum of its two where it has two."""
    if all(_in_first_bias(gate) and _in_second_bias(gate) for gate in cell.gates):
        return bias_ih + bias_hh
    first, second = iter(bias_ih.split(units)), iter(bias_hh.split(units))
    joined: list[Tensor] = []
    for gate in cell.gates:
        parts = [next(source) for source, has in ((first, _in_first_bias), (second, _in_second_bias)) if has(gate)]
        if parts:
            joined.append(parts[0] + parts[1] if len(parts) == 2 else parts[0])
    return torch.cat(joined)
