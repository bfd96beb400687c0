"""How often each gate is shut or open: Karpathy's scatter of left and right saturation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

from ...compiler.flow import flow_of
from ...equation import Cell
from ...errors import InputError
from ..recorded.again import inside
from ..recorded.names import gate_values
from ..recorded.record import LayerRecord, Record

if TYPE_CHECKING:
    import pandas as pd

LOW, HIGH = 0.1, 0.9
Shares: TypeAlias = "Tensor | list[Tensor]"  # (L, D, H), or a list over layers of (D, H) where their sizes differ


@dataclass(frozen=True)
class Saturation:
    """Of every gate between 0 and 1, by name, the share of steps below .1 (left) and above .9 (right).

    left, right: (L, D, H) float64; where layers differ in size a list of (D, H). steps: how many were counted.
    """

    cell: str
    left: Mapping[str, Shares]
    right: Mapping[str, Shares]
    steps: int

    def points(self, gate: str) -> Iterator[tuple[int, int, int, float, float]]:
        """(layer, direction, unit, left, right) of one gate."""
        for layer, (left, right) in enumerate(zip(self.left[gate], self.right[gate], strict=True)):
            for direction, shares in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
                for unit, (a, b) in enumerate(zip(*shares, strict=True)):
                    yield layer, direction, unit, a, b

    def to_pandas(self) -> pd.DataFrame:
        """A row for each gate, layer, direction and unit."""
        import pandas as pd

        rows = [(gate, *point) for gate in self.left for point in self.points(gate)]
        return pd.DataFrame(rows, columns=pd.Index(["gate", "layer", "direction", "unit", "left", "right"]))

    def picture(self) -> str:
        """The scatter as SVG, a panel for each gate."""
        from .scatter import scatter

        return scatter(f"Saturation of the gates of {self.cell}", [(0, self)])

    def __str__(self) -> str:
        lines = [f"saturation of {self.cell} over {self.steps:,} steps, mean over units"]
        for gate in self.left:
            left, right = (torch.cat([one.flatten() for one in kept[gate]]).mean() for kept in (self.left, self.right))
            lines.append(f"  {gate}: {left:.1%} below {LOW}, {right:.1%} above {HIGH}")
        return "\n".join(lines)


def saturation(record: Record) -> Saturation:
    """How often every gate of a record is shut or open, for each unit.

    Karpathy, Johnson, Fei-Fei, Visualizing and Understanding Recurrent Networks, arXiv:1506.02078, section 4.2. Gates
    are those whose values lie between 0 and 1 whatever the weights are. Steps beyond a sequence's end do not count.
    Raises InputError for a cell that has no such gate, and a record without steps.
    """
    names = unit_gates(record.cell)
    if not names:
        raise InputError(f"no gate of {record.cell.name} lies between 0 and 1, so none can be shut or open")
    counted = int(record.lengths.sum())
    if not counted:
        raise InputError("the record holds no step")
    shares = {name: [_shares(found, name) for _, _, found in record.layers()] for name in names}
    left = {name: _by_layer([share[0] for share in each], record.directions) for name, each in shares.items()}
    right = {name: _by_layer([share[1] for share in each], record.directions) for name, each in shares.items()}
    return Saturation(record.cell.name, left, right, counted)


def unit_gates(cell: Cell) -> list[str]:
    """The gates whose values lie between 0 and 1, whatever the weights are."""
    bounds = flow_of(cell).bounds
    return [name for name, value in gate_values(cell).items() if bounds[value].low >= 0 and bounds[value].high <= 1]


def _shares(found: LayerRecord, name: str) -> tuple[Tensor, Tensor]:
    """(H,) below and above."""
    gate = found.gates[name][inside(found)]
    return (gate < LOW).double().mean(0), (gate > HIGH).double().mean(0)


def _by_layer(each: list[Tensor], directions: int) -> Shares:
    layers = [torch.stack(each[at : at + directions]) for at in range(0, len(each), directions)]
    return torch.stack(layers) if len({len(one[0]) for one in layers}) == 1 else layers
