"""Batches from several families, each a function of a seed and its number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from .augment import augmented
from .batch import Batch, Floats, Frame, Integers
from .families import FAMILIES, Family
from .gaps import shortened, with_gaps
from .profiles import PROFILES, Profile

SHORTENED, GAPS = 0.5, 0.12
"""The share of rows whose beginning is cut off, and of rows with missing values."""

TOGETHER = 4
"""Neighbouring rows come from one family, so that few rows do not cost as much as many."""


class Mixture:
    """An endless source of batches whose rows are drawn from several families.

    Batch ``k`` is a function of the seed and of ``k`` alone, so that a run goes on from a number with the same bits. A
    `gatewise.training.Trainer` takes it as its source; a ``for`` loop takes it too, and it can be pickled.

    Args:
        seed: Of everything drawn.
        points: Values in a batch, at most: series of T steps come ``points // T`` at a time, but always one.
        families: By name; each is drawn in proportion to its weight.
        profiles: Calendars. The series of one batch have one calendar, and so one length.
        augment: Whether series are mixed, bent, shortened and given gaps; without it they are as their families made
            them, finite and in full length.

    Raises:
        InputError: For no points, no families or no profiles.
    """

    endless = True
    epoch = 0

    def __init__(
        self,
        seed: int = 0,
        *,
        points: int = 65_536,
        families: Mapping[str, Family] = FAMILIES,
        profiles: Sequence[Profile] = PROFILES,
        augment: bool = True,
    ) -> None:
        if points < 1 or not families or not profiles:
            raise InputError("a mixture needs at least one point, one family and one profile")
        self.seed, self.points, self.augment = seed, points, augment
        self.families, self.profiles = tuple(families.values()), tuple(profiles)
        self.number = 0

    def batch(self, number: int) -> Batch:
        """Batch ``number`` of this seed."""
        rng = np.random.default_rng([self.seed, number])
        weights = np.array([profile.weight for profile in self.profiles])
        profile = self.profiles[rng.choice(len(weights), p=weights / weights.sum())]
        season, second = profile.draw(rng, max(self.points // profile.length, 1))
        frame = Frame(rng, profile.length, season, second)
        which = self._families_of(frame)
        values = frame.made(self.families, which)
        if self.augment:
            values = self._augmented(frame, values, which, profile.shortest)
        names = np.array([family.name for family in self.families])
        return Batch(values.astype(np.float32), season, second, names[which])

    def _families_of(self, frame: Frame) -> Integers:
        groups = np.arange(-(-frame.rows // TOGETHER)) * TOGETHER
        return np.repeat(frame.part(groups).which(self.families), TOGETHER)[: frame.rows]

    def _augmented(self, frame: Frame, values: Floats, which: Integers, shortest: int) -> Floats:
        anchored = np.array([family.anchored for family in self.families])[which]
        values = augmented(frame, values, anchored)
        return with_gaps(frame, shortened(frame, values, shortest, SHORTENED), GAPS)

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
