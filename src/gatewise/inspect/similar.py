"""The steps at which a network was in nearly the same state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import InputError
from ..transforms.rewrite import memories
from .matching import check_sequence, values_at
from .record import Record
from .replay import inside

if TYPE_CHECKING:
    import pandas as pd

MEASURES = ("cosine", "euclidean")


@dataclass(frozen=True)
class Neighbour:
    """A step of a sequence of the record of this number, and how far its state is."""

    record: int
    batch: int
    time: int
    distance: float


@dataclass(frozen=True)
class Similar:
    """The steps whose states are nearest to that of one step, the nearest first."""

    state: str
    measure: str
    time: int
    batch: int
    found: tuple[Neighbour, ...]

    def to_pandas(self) -> pd.DataFrame:
        """A row for each step."""
        import pandas as pd

        rows = [(each.record, each.batch, each.time, each.distance) for each in self.found]
        return pd.DataFrame(rows, columns=pd.Index(["record", "batch", "time", "distance"]))

    def __str__(self) -> str:
        steps = ", ".join(f"{each.time} ({each.distance:.3g})" for each in self.found)
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

    state: a state or gate; by default the memory. measure: ``"cosine"``, 1 - cosine of the angle, or ``"euclidean"``.
    apart: steps of one sequence closer to each other than this, or to the step itself, are the same event: only the
    nearest counts. Raises InputError for a step that there is not.
    """
    given = [records] if isinstance(records, Record) else list(records)
    name = state or memories(given[0].cell)[0]
    if measure not in MEASURES:
        raise InputError(f"there is no measure {measure!r}", hint=f"measures: {', '.join(MEASURES)}")
    first = given[0].layer(layer, direction)
    check_sequence(first, batch)
    if not 0 <= time < int(first.lengths[batch]):
        raise InputError(f"there is no step {time}", hint=f"the sequence has {int(first.lengths[batch])} steps")
    wanted = values_at(first, name)[time, batch]
    places = [one.layer(layer, direction) for one in given]
    distances = [_distances(values_at(place, name), wanted, measure) for place in places]
    for each, place in zip(distances, places, strict=True):
        each[~inside(place)] = torch.inf
    _clear(distances, 0, batch, time, apart)
    return Similar(name, measure, time, batch, _nearest(distances, count, apart))


def _distances(values: Tensor, wanted: Tensor, measure: str) -> Tensor:
    """(T, B) float64, on the CPU."""
    values, wanted = values.double(), wanted.double()
    if measure == "euclidean":
        return torch.linalg.vector_norm(values - wanted, dim=-1).cpu()
    return (1.0 - torch.nn.functional.cosine_similarity(values, wanted, dim=-1)).cpu()


def _nearest(distances: list[Tensor], count: int, apart: int) -> tuple[Neighbour, ...]:
    """Takes the nearest, and with it all that is too close to it in time, again and again."""
    found: list[Neighbour] = []
    while len(found) < count:
        number = min(range(len(distances)), key=lambda each: float(distances[each].min()))
        steps, sequences = distances[number].shape
        place = int(distances[number].argmin()) if steps * sequences else 0
        time, batch = divmod(place, sequences)
        distance = float(distances[number][time, batch])
        if distance == torch.inf:
            break
        found.append(Neighbour(number, batch, time, distance))
        _clear(distances, number, batch, time, apart)
    return tuple(found)


def _clear(distances: list[Tensor], record: int, batch: int, time: int, apart: int) -> None:
    distances[record][max(0, time - max(apart, 1) + 1) : time + max(apart, 1), batch] = torch.inf
