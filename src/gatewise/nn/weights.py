"""How weights are named and stored in a module, and what the kernels are given. All orders of gates live here.

As in torch.nn: ``weight_ih_l{layer}{_reverse}`` stacks W of every gate that has one in the cell's declared order,
``weight_hh`` U likewise, and each has a bias beside it, so that a gate with both has two that add up. Per-unit weights
follow under their own names, then ``weight_hr``, the projection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ..equation import Cell, Gate


class Place(NamedTuple):
    """One layer in one direction. suffix: of its weights' names. inputs, units: I and H there."""

    layer: int
    reverse: bool
    suffix: str
    inputs: int
    units: int


def suffixes(layers: int, directions: int) -> Iterator[tuple[int, bool, str]]:
    """(layer, whether it runs backward in time, suffix of its weights), in torch's order."""
    for layer in range(layers):
        for reverse in (False, True)[:directions]:
            yield layer, reverse, f"_l{layer}{'_reverse' if reverse else ''}"


def shapes(
    cell: Cell, inputs: int, units: int, *, bias: bool = True, projection: int = 0, heads: int = 1
) -> dict[str, tuple[int, ...]]:
    """The parameters of one layer in one direction, in torch's order, without suffix."""
    from_input = sum(gate.has_input for gate in cell.gates)
    from_state = sum(bool(gate.recurrent) for gate in cell.gates)
    found: dict[str, tuple[int, ...]] = {
        "weight_ih": (from_input * units, inputs),
        "weight_hh": (from_state * units, projection or units // heads),
    }
    if bias:
        sizes = {"bias_ih": sum(map(_in_first_bias, cell.gates)), "bias_hh": sum(map(_in_second_bias, cell.gates))}
        found |= {name: (count * units,) for name, count in sizes.items() if count}
    found |= dict.fromkeys(cell.per_unit, (units,))
    return found | ({"weight_hr": (projection, units)} if projection else {})


def _in_first_bias(gate: Gate) -> bool:
    return gate.has_bias and (gate.has_input or not gate.recurrent)


def _in_second_bias(gate: Gate) -> bool:
    return gate.has_bias and bool(gate.recurrent)


def joined_bias(cell: Cell, bias_ih: Tensor | None, bias_hh: Tensor | None, units: int) -> Tensor | None:
    """One bias for each gate that has any, (H for each such gate): the sum of its two where it has two.

    None where there are none at all.
    """
    if bias_ih is None and bias_hh is None:
        return None
    if all(_in_first_bias(gate) and _in_second_bias(gate) for gate in cell.gates):
        return bias_ih + bias_hh  # pyright: ignore[reportOperatorIssue] - where gates have both, both are given
    first, second = (iter(() if bias is None else bias.split(units)) for bias in (bias_ih, bias_hh))
    joined: list[Tensor] = []
    for gate in cell.gates:
        parts = [next(source) for source, has in ((first, _in_first_bias), (second, _in_second_bias)) if has(gate)]
        if parts:
            joined.append(parts[0] + parts[1] if len(parts) == 2 else parts[0])
    return torch.cat(joined)
