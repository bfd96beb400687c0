"""Batches from several families, each a function of a seed and its number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from .batch import Batch, Floats, Frame
from .families import FAMILIES, Family
from .profiles import PROFILES, Profile


class Mixture:
    """An endless source of batches whose rows are drawn from several families.

    Batch ``k`` is a function of the seed and of ``k`` alone, so that a run goes on from a number with the same bits. A
    `gatewise.training.Trainer` takes it as its source; a ``for`` loop takes it too, and it can be pickled.

    Args:
        seed: Of everything drawn.
        rows: Series in a batch, B.
        families: By name; each is drawn in proportion to its weight.
        profiles: Calendars. The series of one batch have one calendar, and so one length.

    Raises:
        InputError: For no rows, no families or no profiles.
    """

    endless = True
    epoch = 0

    def __init__(
        self,
        seed: int = 0,
        *,
        rows: int = 128,
        families: Mapping[str, Family] = FAMILIES,
        profiles: Sequence[Profile] = PROFILES,
    ) -> None:
        if rows < 1 or not families or not profiles:
            raise InputError("a mixture needs at least one row, one family and one profile")
        self.seed, self.rows, self.families, self.profiles = seed, rows, dict(families), tuple(profiles)
        self.number = 0

    def batch(self, number: int) -> Batch:
        """Batch ``number`` of this seed."""
        rng = np.random.default_rng([self.seed, number])
        profile = _drawn(rng, self.profiles, 1)[0]
        season, second = profile.draw(rng, self.rows)
        family = np.array([one.name for one in _drawn(rng, list(self.families.values()), self.rows)])
        values = np.empty((self.rows, profile.length))
        for name in np.unique(family):
            rows = np.flatnonzero(family == name)
            values[rows] = self.families[name].make(Frame(rng, profile.length, season[rows], second[rows]))
        return Batch(_cut(rng, values, profile.shortest), season, second, family)

    def next_batch(self) -> Batch:
        """The next batch."""
        self.number += 1
        return self.batch(self.number - 1)

    def __iter__(self) -> Iterator[Batch]:
        while True:
            yield self.next_batch()

    def state_dict(self) -> dict[str, Any]:
        """The seed, and the number of the next batch."""
        return {"seed": self.seed, "number": self.number}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the batch that a state names."""
        self.seed, self.number = state["seed"], state["number"]


def _drawn(rng: np.random.Generator, choices: Sequence[Any], count: int) -> list[Any]:
    weights = np.array([one.weight for one in choices])
    return [choices[place] for place in rng.choice(len(choices), size=count, p=weights / weights.sum())]


def _cut(rng: np.random.Generator, values: Floats, shortest: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The values with the beginning of half of the rows cut off."""
    rows, length = values.shape
    kept = np.exp(rng.uniform(np.log(shortest), np.log(length), (rows, 1)))
    kept = np.where(rng.random((rows, 1)) < 0.5, kept, length)
    return np.where(np.arange(length) < length - kept, np.nan, values).astype(np.float32)
