"""Search in records for steps with nearly the same state."""

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

MEASURES = ("cosine", "euclidean")


@dataclass(frozen=True)
class Neighbour:
    """A step whose state is near.

    Attributes:
        record: Number of the record among those searched.
        batch: Number of the sequence.
        time: The step.
        distance: How far its state is.
    """

    record: int
    batch: int
    time: int
    distance: float


@dataclass(frozen=True)
class Similar:
    """The steps whose states are nearest to that of one step.

    Attributes:
        state: The state or gate that was compared.
        measure: ``"cosine"`` or ``"euclidean"``.
        time: The step that they are compared with.
        batch: The sequence of that step.
        steps: The nearest steps, the nearest first.
    """

    state: str
    measure: str
    time: int
    batch: int
    steps: tuple[Neighbour, ...]

    def to_pandas(self) -> pd.DataFrame:
        """A table of record, batch, time and distance, with a row for each step."""
        import pandas as pd

        rows = [(step.record, step.batch, step.time, step.distance) for step in self.steps]
        return pd.DataFrame(rows, columns=pd.Index(["record", "batch", "time", "distance"]))

    def __str__(self) -> str:
        steps = ", ".join(f"{step.time} ({step.distance:.3g})" for step in self.steps)
        return f"steps with {self.state} nearest to step {self.time} ({self.measure} distance): {steps or 'none'}"


def similar(
    records: Record | Sequence[Record],
    time: int,
    count: int = 5,
    *,
    batch: int = 0,
    state: str = "",
    measure: str = "cosine",
    apart: int = 1,
    layer: int = 0,
    direction: int = 0,
) -> Similar:
    """The steps, in one record or several, whose states are nearest to that of one step of the first.

    Args:
        records: One record or several.
        time: The step of the first record to compare with.
        count: How many steps to return at most.
        batch: The sequence of that step.
        state: A state or gate. By default the cell's memory.
        measure: ``"cosine"``, 1 - cosine of the angle, or ``"euclidean"``.
        apart: Steps of one sequence closer to each other than this, or to the step itself, are the same event: only
            the nearest counts.
        layer: Number of the layer, from 0.
        direction: 0 forward, 1 backward.

    Returns:
        The steps, the nearest first.

    Raises:
        InputError: A step, sequence, name or measure does not exist.
    """
    all_records = [records] if isinstance(records, Record) else list(records)
    name = state or memories(all_records[0].cell)[0]
    if measure not in MEASURES:
        raise InputError(f"measure {measure!r} does not exist", hint=f"give one of {', '.join(MEASURES)}")
    first = all_records[0].layer(layer, direction)
    check_sequence(first, batch)
    if not 0 <= time < int(first.lengths[batch]):
        raise InputError(f"there is no step {time}", hint=f"the sequence has {int(first.lengths[batch])} steps")
    state_then = values_at(first, name)[time, batch]
    places = [one.layer(layer, direction) for one in all_records]
    distances = [_distances(values_at(place, name), state_then, measure) for place in places]
    for far, place in zip(distances, places, strict=True):
        far[~inside(place)] = torch.inf
    _clear(distances, 0, batch, time, apart)
    return Similar(name, measure, time, batch, _nearest(distances, count, apart))


def _distances(values: Tensor, state: Tensor, measure: str) -> Tensor:
    """(T, B) float64, on the CPU."""
    values, state = values.double(), state.double()
    if measure == "euclidean":
        return torch.linalg.vector_norm(values - state, dim=-1).cpu()
    return (1.0 - torch.nn.functional.cosine_similarity(values, state, dim=-1)).cpu()


def _nearest(distances: list[Tensor], count: int, apart: int) -> tuple[Neighbour, ...]:
    """Take the nearest, drop what is too close to it in time, and repeat."""
    nearest: list[Neighbour] = []
    while len(nearest) < count:
        number = min(range(len(distances)), key=lambda row: float(distances[row].min()))
        steps, sequences = distances[number].shape
        place = int(distances[number].argmin()) if steps * sequences else 0
        time, batch = divmod(place, sequences)
        distance = float(distances[number][time, batch])
        if distance == torch.inf:
            break
        nearest.append(Neighbour(number, batch, time, distance))
        _clear(distances, number, batch, time, apart)
    return tuple(nearest)


def _clear(distances: list[Tensor], record: int, batch: int, time: int, apart: int) -> None:
    distances[record][max(0, time - max(apart, 1) + 1) : time + max(apart, 1), batch] = torch.inf
