"""How weights are named and stored in a module, and what the kernels are given. All orders of gates live here.

As in torch.nn: ``weight_ih_l{layer}{_reverse}`` stacks W of every gate that has one in the cell's declared order,
``weight_hh`` U likewise, and each has a bias beside it, so that a gate with both has two that add up. Per-unit weights
follow under their own names, then ``weight_hr``, the projection. Where a cell has other widths than H, each gate has as
many rows as it has units, and what U multiplies of another width has a matrix of its own, ``weight_hh_{width}``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..compiler.widths import widths_of
from ..equation import HIDDEN, Cell, Gate, Width
from ..errors import InputError

# The orders in which other libraries stack gates, by their names here; a gate in two parts, x and h, counts as one.
ORDERS = {
    "onnx": ("input output forget candidate", "update reset candidate", "candidate"),
    "keras": ("input forget candidate output", "update reset candidate", "candidate"),
}
ONNX_PEEPHOLES = ("p_i", "p_o", "p_f")


class Place(NamedTuple):
    """One layer in one direction. suffix: of its weights' names. inputs, units: I there, and the units of its kernels,
    H or what is wider."""

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


class Sizes:
    """How many numbers everything of one layer has. hidden: H. named: those of widths that the cell names, else H."""

    def __init__(self, cell: Cell, hidden: int, named: Mapping[str, int] | None = None) -> None:
        self.cell, self.hidden = cell, hidden
        self._named, self._widths = named or {}, widths_of(cell)
        wide = (*(gate.letter for gate in cell.gates), *cell.state, *cell.per_unit) if cell.widths else ()
        self.units = max([hidden, *(self.of(cell.width_of(name)) for name in wide)])

    def of(self, width: Width) -> int:
        """The number that a width stands for."""
        return width if isinstance(width, int) else self._named.get(width, self.hidden)

    def rows(self, gate: Gate) -> int:
        """The units of a gate that has weights of its own."""
        return self.of(self.cell.width_of(gate.letter))

    def split(self, has: Callable[[Gate], bool]) -> list[int]:
        """The rows of each gate that has some, in a weight stacked by gates."""
        return [self.rows(gate) for gate in own_gates(self.cell) if has(gate)]

    def states(self) -> list[int]:
        """The width of each state."""
        return [self.of(self.cell.width_of(state)) for state in self.cell.state]

    def value(self, name: str) -> int:
        """The width of a value of the program."""
        return self.of(self._widths.values.get(name, HIDDEN))

    def recurrent(self) -> dict[str, tuple[int, list[Gate]]]:
        """The weights U by name: the columns of each, and its gates."""
        operands, output = self._widths.operands, self.cell.width_of(self.cell.state[0])
        stacked: dict[str, tuple[int, list[Gate]]] = {"weight_hh": (self.of(output), [])}
        for gate in filter(_is_recurrent, own_gates(self.cell)):
            width = operands.get(gate.name, output)
            name = "weight_hh" if width == output else f"weight_hh_{width or 'hidden'}"
            stacked.setdefault(name, (self.of(width), []))[1].append(gate)
        return stacked

    def columns(self) -> dict[str, int]:
        """How many numbers U multiplies of each gate that has one."""
        own = {gate.name: columns for columns, gates in self.recurrent().values() for gate in gates}
        return {gate.name: own[gate.tied or gate.name] for gate in self.cell.gates if gate.recurrent}

    def check(self) -> None:
        """Raises InputError where the step adds up units of something narrower than the kernels, which repeat them."""
        for width in self._widths.summed:
            if self.of(width) != self.units:
                what = f"{self.cell.name} takes a mean or sum over {self.of(width)} units, and others are {self.units}"
                raise InputError(what, hint="let U take the sum, or let that be the largest width")


def shapes(
    cell: Cell, inputs: int, sizes: Sizes, *, bias: bool = True, projection: int = 0, heads: int = 1
) -> dict[str, tuple[int, ...]]:
    """The parameters of one layer in one direction, in torch's order, without suffix."""
    shapes: dict[str, tuple[int, ...]] = {"weight_ih": (sum(sizes.split(_has_input)), inputs)}
    for name, (columns, gates) in sizes.recurrent().items():
        shapes[name] = (sum(map(sizes.rows, gates)), projection or columns // heads)
    if bias:
        counts = {"bias_ih": sum(sizes.split(_in_first_bias)), "bias_hh": sum(sizes.split(_in_second_bias))}
        shapes |= {name: (count,) for name, count in counts.items() if count}
    shapes |= {name: (sizes.of(cell.width_of(name)),) for name in cell.per_unit}
    return shapes | ({"weight_hr": (projection, sizes.units)} if projection else {})


def spread_widths(weights: Mapping[str, Tensor], sizes: Sizes) -> dict[str, Tensor]:
    """Weights as kernels take them, which know one width: rows repeated, and columns of zeros beside those of U."""
    cell, units = sizes.cell, sizes.units
    wide = {name: _repeated_rows(weights[name], sizes.split(has), units) for name, has in _STACKED if name in weights}
    products: dict[str, Tensor] = {}
    for name, (columns, gates) in sizes.recurrent().items():
        parts = weights[name].split(list(map(sizes.rows, gates))) if gates else ()
        for gate, part in zip(gates, parts, strict=True):
            products[gate.name] = nn.functional.pad(repeated(part, units, 0), (0, units - columns))
    own = [products[gate.name] for gate in own_gates(cell) if gate.recurrent]
    wide["weight_hh"] = torch.cat(own) if own else weights["weight_hh"].new_empty(0, units)
    return wide | {name: repeated(weights[name], units) for name in cell.per_unit}


def _repeated_rows(weight: Tensor, rows: list[int], units: int) -> Tensor:
    return torch.cat([repeated(part, units, 0) for part in weight.split(rows)]) if rows else weight


def repeated(narrow: Tensor, units: int, dim: int = -1) -> Tensor:
    """Numbers one after another, and again from the first, up to so many."""
    count = narrow.shape[dim]
    return narrow if count == units else narrow.index_select(dim, torch.arange(units, device=narrow.device) % count)


def own_gates(cell: Cell) -> list[Gate]:
    """The gates that have weights of their own."""
    return [gate for gate in cell.gates if not gate.tied]


MATRICES = ("weight_ih", "weight_hh")
"""The weights that are multiplied with an input or an output."""


def spread(cell: Cell, weight: Tensor, units: int, has: Callable[[Gate], bool]) -> Tensor:
    """A weight stacked by gates as kernels take it: once more for each further call of a gate. has: whether a gate has
    any."""
    if not any(gate.tied for gate in cell.gates):
        return weight
    own = [gate.name for gate in own_gates(cell) if has(gate)]
    parts = dict(zip(own, blocks(weight, units), strict=True))
    return torch.cat([parts[gate.tied or gate.name] for gate in cell.gates if has(gate)]) if parts else weight


def _has_input(gate: Gate) -> bool:
    return gate.has_input


def _is_recurrent(gate: Gate) -> bool:
    return bool(gate.recurrent)


def _in_first_bias(gate: Gate) -> bool:
    return gate.has_bias and (gate.has_input or not gate.recurrent)


def _in_second_bias(gate: Gate) -> bool:
    return gate.has_bias and bool(gate.recurrent)


_STACKED = (("weight_ih", _has_input), ("bias_ih", _in_first_bias), ("bias_hh", _in_second_bias))
"""The weights stacked by gates, but for U, and which gates each has."""


def bias_slices(sizes: Sizes, gate: str) -> dict[str, slice]:
    """Where a gate's own numbers lie in ``bias_ih`` and ``bias_hh``; without those that it has not."""
    slices: dict[str, slice] = {}
    for name, has in _STACKED[1:]:
        first = 0
        for other in filter(has, own_gates(sizes.cell)):
            if other.name == gate:
                slices[name] = slice(first, first + sizes.rows(other))
            first += sizes.rows(other)
    return slices


def stacked_blocks(sizes: Sizes, weights: Mapping[str, Tensor]) -> Iterator[Tensor]:
    """Each gate's own part of ``weight_ih``, or of each U, in order: whichever are given."""
    rows = sizes.split(_has_input)
    if "weight_ih" in weights and rows:
        yield from weights["weight_ih"].split(rows)
    for name, (_, gates) in sizes.recurrent().items():
        if name in weights and gates:
            yield from weights[name].split(list(map(sizes.rows, gates)))


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
