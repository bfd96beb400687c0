"""Sequences in the rows of a table: a column for each step, as t0, t1, t2, or for each step of each feature."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .sequences import Floats, Sequences

FEWEST_STEPS = 8
"""With fewer columns of one name they are features of one step."""
_NUMBERED = re.compile(r"(.*?)[\s_.\-\[(]*(\d{1,6})[\])]?")


class Steps(NamedTuple):
    """Columns that are steps.

    features: what their names begin with. columns: of each feature the places of its steps, in order of time.
    """

    features: tuple[str, ...]
    columns: tuple[tuple[int, ...], ...]

    def sequences(self, values: Floats, ids: np.ndarray | None) -> Sequences:
        """Of values (N, columns) a sequence for each row."""
        steps = np.stack([values[:, list(places)] for places in self.columns], axis=2)
        lengths = np.full(len(values), steps.shape[1], np.int64)
        features = self.features if all(self.features) else None
        return Sequences(steps.reshape(-1, steps.shape[2]), lengths, ids, features)

    def note(self, names: Sequence[str]) -> str:
        """What is said of a table that is read so. names: of the columns."""
        first, last = names[self.columns[0][0]], names[self.columns[0][-1]]
        of = f", and so for {len(self.features)} features" if len(self.features) > 1 else ""
        return f"each row is a sequence of {len(self.columns[0])} steps, {first!r} to {last!r}{of}"


def steps_of(names: Sequence[str]) -> Steps | None:
    """The columns by feature, where each name ends in a number and every feature has the same numbers, one after
    another, at least `FEWEST_STEPS`; None where that is not so."""
    found: dict[str, dict[int, int]] = {}
    for place, name in enumerate(names):
        match = _NUMBERED.fullmatch(name.strip())
        if match is None or int(match[2]) in found.setdefault(match[1], {}):
            return None
        found[match[1]][int(match[2])] = place
    numbers = [sorted(columns) for columns in found.values()]
    if not numbers or any(one != numbers[0] for one in numbers) or len(numbers[0]) < FEWEST_STEPS:
        return None
    if numbers[0] != list(range(numbers[0][0], numbers[0][0] + len(numbers[0]))) or numbers[0][0] > 1:
        return None
    return Steps(tuple(found), tuple(tuple(columns[number] for number in numbers[0]) for columns in found.values()))
