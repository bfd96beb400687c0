"""Batches from several families, each a function of a seed and its number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .augment import augmented
from .batch import Batch, Flags, Floats, Frame, Integers
from .families import FAMILIES, Family
from .gaps import shortened, with_gaps
from .profiles import PROFILES, Profile
from .recorded import Collection, Recorded

SHORTENED, GAPS = 0.5, 0.12
"""The share of rows whose beginning is cut off, and of rows with missing values."""

TOGETHER = 4
"""Neighbouring rows come from one family, so that few rows do not cost as much as many."""


class _Rows(NamedTuple):
    """Some rows of a batch before they are augmented."""

    values: Floats
    season: Integers
    second_season: Integers
    family: NDArray[np.str_]
    anchored: Flags


class Mixture:
    """An endless source of batches whose rows are drawn from several families.

    Batch ``k`` is a function of the seed and of ``k`` alone, so that a run goes on from a number with the same bits. A
    `gatewise.training.Trainer` takes it as its source; a ``for`` loop takes it too, and it can be pickled.

    Args:
        seed: Of everything drawn.
        points: Values in a batch, at most: series of T steps come ``points // T`` at a time, but always one.
        families: By name; each is drawn in proportion to its weight.
        profiles: Calendars. The series of one batch have one calendar, and so one length.
        recorded: Measured series, stretches of which are rows as well, in batches of a calendar that they fit.
        share: Of those rows in such batches.
        augment: Whether series are mixed, bent, shortened and given gaps; without it they are as their families made
            them, finite and in full length.

    Raises:
        InputError: For no points, no families or no profiles, or a share that is none.
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
        recorded: Sequence[Recorded] = (),
        share: float = 0.25,
        augment: bool = True,
    ) -> None:
        if points < 1 or not families or not profiles or not 0 <= share <= 1:
            raise InputError("a mixture needs a point, a family and a profile at least, and a share from 0 to 1")
        self.seed, self.points, self.augment = seed, points, augment
        self.families, self.profiles = tuple(families.values()), tuple(profiles)
        self.recorded, self.share = Collection(recorded), share
        self.number = 0

    def batch(self, number: int) -> Batch:
        """Batch ``number`` of this seed."""
        rng = np.random.default_rng([self.seed, number])
        weights = np.array([profile.weight for profile in self.profiles])
        profile = self.profiles[rng.choice(len(weights), p=weights / weights.sum())]
        return self._of(profile, rng)

    def _of(self, profile: Profile, rng: np.random.Generator) -> Batch:
        rows = max(self.points // profile.length, 1)
        recorded = rng.binomial(rows, self.share) if self.recorded.sets(profile) else 0
        drawn = [self._synthetic(profile, rng, rows - recorded)]
        if recorded:
            windows = self.recorded.draw(rng, profile, recorded)
            drawn.append(_Rows(windows.values, windows.season, windows.second_season, windows.set, windows.anchored))
        order = rng.permutation(rows)  # so that the first rows are a mixture too
        values, season, second, family, anchored = (np.concatenate(part)[order] for part in zip(*drawn, strict=True))
        if self.augment:
            frame = Frame(rng, profile.length, season, second)
            values = augmented(frame, values, anchored)
            values = with_gaps(frame, shortened(frame, values, profile.shortest, SHORTENED), GAPS)
        return Batch(values.astype(np.float32), season, second, family)

    def _synthetic(self, profile: Profile, rng: np.random.Generator, rows: int) -> _Rows:
        season, second = profile.draw(rng, rows)
        frame = Frame(rng, profile.length, season, second)
        weights = [family.weight * profile.families.get(family.name, 1.0) for family in self.families]
        groups = np.arange(-(-rows // TOGETHER)) * TOGETHER
        which = np.repeat(frame.part(groups).drawn(weights), TOGETHER)[:rows]
        names = np.array([family.name for family in self.families])
        anchored = np.array([family.anchored for family in self.families])
        return _Rows(frame.made(self.families, which), season, second, names[which], anchored[which])

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
