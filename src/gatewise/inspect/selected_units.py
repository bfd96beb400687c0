"""Search in records for stretches of time over which the same units are on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import InputError
from ..transforms.rewrite import memories
from .records import Record, check_sequence, values_at
from .replay import inside

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class UnitsOn:
    """Units that are beyond a threshold at every step of a span, and not at the step before or after it.

    Attributes:
        units: (U,) int64, their numbers.
        state: The state or gate that was looked at.
        threshold: Units count as on above it; below it where it is negative.
        span: (first, end) of the steps, ``end`` not among them.
        layer: Number of the layer, from 0.
        direction: 0 forward, 1 backward.
        batch: Number of the sequence.
    """

    units: Tensor
    state: str
    threshold: float
    span: tuple[int, int]
    layer: int
    direction: int
    batch: int

    def __str__(self) -> str:
        first, end = self.span
        side = "below" if self.threshold < 0 else "above"
        units = ", ".join(map(str, self.units.tolist())) or "none"
        return f"units of {self.state} {side} {self.threshold:g} over exactly steps {first} to {end - 1}: {units}"


@dataclass(frozen=True)
class Match:
    """A stretch of time in one sequence.

    Attributes:
        record: Number of the record among those searched.
        batch: Number of the sequence.
        first: The first step.
        end: The step after the last.
    """

    record: int
    batch: int
    first: int
    end: int

    @property
    def length(self) -> int:
        """How many steps it has."""
        return self.end - self.first


@dataclass(frozen=True)
class Matches:
    """Stretches in which the same units are on together.

    Attributes:
        on: The units.
        stretches: The stretches, the longest first.
    """

    on: UnitsOn
    stretches: tuple[Match, ...]

    def to_pandas(self) -> pd.DataFrame:
        """A table of record, batch, first, end and length, with a row for each stretch."""
        import pandas as pd

        rows = [(match.record, match.batch, match.first, match.end, match.length) for match in self.stretches]
        return pd.DataFrame(rows, columns=pd.Index(["record", "batch", "first", "end", "length"]))

    def __str__(self) -> str:
        longest = f", the longest of {self.stretches[0].length} steps" if self.stretches else ""
        return f"{len(self.on.units)} units are on together in {len(self.stretches)} other stretches{longest}"


def units_on(
    record: Record,
    span: tuple[int, int],
    threshold: float,
    *,
    state: str = "",
    layer: int = 0,
    direction: int = 0,
    batch: int = 0,
) -> UnitsOn:
    """The units that are beyond a threshold over exactly a span of one sequence.

    Args:
        record: The record of a run.
        span: (first, end) of the steps, ``end`` not among them.
        threshold: Units count as on above it; below it where it is negative.
        state: A state or gate. By default the cell's memory.
        layer: Number of the layer, from 0.
        direction: 0 forward, 1 backward.
        batch: Number of the sequence.

    Returns:
        The units, to be given to `matches`.

    Raises:
        InputError: The span does not lie in the sequence, or a name or number does not exist.

    Source:
        Strobelt, Gehrmann, Pfister, Rush, LSTMVis, arXiv:1606.07461, section 5.
    """
    name = state or memories(record.cell)[0]
    layer_record = record.layer(layer, direction)
    check_sequence(layer_record, batch)
    (first, end), length = span, int(layer_record.lengths[batch])
    if not 0 <= first < end <= length:
        raise InputError(f"the span {span} does not lie in sequence {batch}", hint=f"it has steps 0 to {length - 1}")
    on = _on(values_at(layer_record, name)[:length, batch], threshold)
    exactly = on[first:end].all(0)
    for beside in (first - 1, end):
        if 0 <= beside < length:
            exactly &= ~on[beside]
    units = exactly.nonzero().squeeze(1).cpu()
    return UnitsOn(units, name, float(threshold), (first, end), layer, direction, batch)


def matches(records: Record | Sequence[Record], on: UnitsOn, *, least: int = 1, share: float = 1.0) -> Matches:
    """Other stretches in which these units are on at the same time, in one record or several.

    Args:
        records: One record or several, the first being the one in which the units were selected; its own stretch is
            left out.
        on: The units, from `units_on`.
        least: How many steps a stretch must have.
        share: Which share of the units must be on, above 0 and at most 1.

    Returns:
        The stretches, the longest first.

    Raises:
        InputError: No unit is selected, or the share is out of range.
    """
    if not len(on.units):
        raise InputError("no unit is selected", hint="take another span or a lower threshold")
    if not 0.0 < share <= 1.0:
        raise InputError(f"share={share} must be above 0 and at most 1")
    stretches: list[Match] = []
    for number, record in enumerate([records] if isinstance(records, Record) else records):
        place = record.layer(on.layer, on.direction)
        beyond = _on(values_at(place, on.state)[..., on.units], on.threshold)
        together = (beyond.double().mean(-1) >= share - 1e-9) & inside(place).to(beyond.device)
        for batch, runs in enumerate(together.t().cpu()):
            stretches += [Match(number, batch, first, end) for first, end in _runs(runs)]
    selected = (0, on.batch, *on.span)
    others = [
        match
        for match in stretches
        if match.length >= least and (match.record, match.batch, match.first, match.end) != selected
    ]
    return Matches(on, tuple(sorted(others, key=lambda match: -match.length)))


def _on(values: Tensor, threshold: float) -> Tensor:
    return values < threshold if threshold < 0 else values > threshold


def _runs(on: Tensor) -> list[tuple[int, int]]:
    """(first, end) of every stretch of a (T,) bool tensor in which it holds."""
    edges = torch.nn.functional.pad(on.to(torch.int8), (1, 1)).diff()
    firsts, ends = ((edges == sign).nonzero().squeeze(1).tolist() for sign in (1, -1))
    return list(zip(firsts, ends, strict=True))
