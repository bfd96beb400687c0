"""How weights are named and stored in a module, and what the kernels are given. All orders of gates live here.

As in torch.nn: ``weight_ih_l{layer}{_reverse}`` stacks W of every gate that has one in the cell's declared order,
``weight_hh`` U likewise, and each has a bias beside it, so that a gate with both has two that add up. Per-unit weights
follow under their own names, then ``weight_hr``, the projection.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..equation import Cell, Gate
from ..errors import InputError

# The orders in which other libraries stack gates, by their names here; a gate in two parts, x and h, counts as one.
ORDERS = {
    "onnx": ("input output forget candidate", "update reset candidate", "candidate"),
    "keras": ("input forget candidate output", "update reset candidate", "candidate"),
}
ONNX_PEEPHOLES = ("p_i", "p_o", "p_f")


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
    gates = own_gates(cell)
    from_input = sum(gate.has_input for gate in gates)
    from_state = sum(bool(gate.recurrent) for gate in gates)
    shapes: dict[str, tuple[int, ...]] = {
        "weight_ih": (from_input * units, inputs),
        "weight_hh": (from_state * units, projection or units // heads),
    }
    if bias:
        sizes = {"bias_ih": sum(map(_in_first_bias, gates)), "bias_hh": sum(map(_in_second_bias, gates))}
        shapes |= {name: (count * units,) for name, count in sizes.items() if count}
    shapes |= {name: (1 if name in cell.scalars else units,) for name in cell.per_unit}
    return shapes | ({"weight_hr": (projection, units)} if projection else {})


def own_gates(cell: Cell) -> list[Gate]:
    """The gates that have weights of their own."""
    return [gate for gate in cell.gates if not gate.tied]


def spread(cell: Cell, weight: Tensor, units: int, has: Callable[[Gate], bool]) -> Tensor:
    """A weight stacked by gates as kernels take it: once more for each further call of a gate. has: whether a gate has
    any."""
    if not any(gate.tied for gate in cell.gates):
        return weight
    own = [gate.name for gate in own_gates(cell) if has(gate)]
    parts = dict(zip(own, blocks(weight, units), strict=True))
    return torch.cat([parts[gate.tied or gate.name] for gate in cell.gates if has(gate)]) if parts else weight


def _in_first_bias(gate: Gate) -> bool:
    return gate.has_bias and (gate.has_input or not gate.recurrent)


def _in_second_bias(gate: Gate) -> bool:
    return gate.has_bias and bool(gate.recurrent)


def bias_slices(cell: Cell, gate: str, units: int) -> dict[str, slice]:
    """Where a gate's own numbers lie in ``bias_ih`` and ``bias_hh``; without those that it has not."""
    slices: dict[str, slice] = {}
    for name, has in (("bias_ih", _in_first_bias), ("bias_hh", _in_second_bias)):
        names = [other.name for other in own_gates(cell) if has(other)]
        if gate in names:
            slices[name] = slice(names.index(gate) * units, (names.index(gate) + 1) * units)
    return slices


def blocks(weight: Tensor, units: int) -> tuple[Tensor, ...]:
    """Each gate's own part of a weight, in order."""
    return weight.split(units) if len(weight) else ()


def within(cell: Cell, library: str) -> list[int]:
    """For each gate of the library's stack, its number in ours. Raises InputError where it has other gates."""
    ours = list(dict.fromkeys(gate.name.removesuffix("_x").removesuffix("_h") for gate in cell.gates))
    for order in ORDERS[library]:
        if sorted(order.split()) == sorted(ours):
            return [ours.index(name) for name in order.split()]
    raise InputError(f"{library} has no recurrent layer with the gates {', '.join(ours)} of {cell.name}")


def in_order(weight: Tensor, order: list[int], *, back: bool = False) -> Tensor:
    """A weight stacked by gates, in another order; ``back`` from that order."""
    blocks = weight.chunk(len(order))
    places = [order.index(gate) for gate in range(len(order))] if back else order
    return torch.cat([blocks[place] for place in places])


def peepholes_in_order(cell: Cell) -> list[str]:
    """The peephole weights in ONNX's order. Raises InputError for other per-unit weights."""
    if set(cell.per_unit) - set(ONNX_PEEPHOLES):
        raise InputError(f"ONNX has no place for the per-unit weights {', '.join(cell.per_unit)} of {cell.name}")
    return [name for name in ONNX_PEEPHOLES if name in cell.per_unit]


def joined_bias(cell: Cell, bias_ih: Tensor | None, bias_hh: Tensor | None, units: int) -> Tensor | None:
    """One bias for each gate that has any, (H for each such gate): the sum of its two where it has two.

    None where there are none at all.
    """
    if bias_ih is None and bias_hh is None:
        return None
    if all(_in_first_bias(gate) and _in_second_bias(gate) for gate in own_gates(cell)):
        return bias_ih + bias_hh  # pyright: ignore[reportOperatorIssue] - where gates have both, both are given
    first, second = (iter(() if bias is None else bias.split(units)) for bias in (bias_ih, bias_hh))
    joined: list[Tensor] = []
    for gate in own_gates(cell):
        parts = [next(source) for source, has in ((first, _in_first_bias), (second, _in_second_bias)) if has(gate)]
        if parts:
            joined.append(parts[0] + parts[1] if len(parts) == 2 else parts[0])
    return torch.cat(joined)


def draw_(cell: Cell, weights: Mapping[str, Tensor], units: int) -> None:
    """Draw weights from U(-1/sqrt(H), 1/sqrt(H)), as torch.nn does; those with a number to start from get that."""
    bound = 1.0 / math.sqrt(units) if units > 0 else 0.0
    for name, weight in weights.items():
        start = cell.starts.get(name)
        nn.init.uniform_(weight, -bound, bound) if start is None else nn.init.constant_(weight, start)
