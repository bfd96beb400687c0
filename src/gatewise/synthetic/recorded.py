"""Series that somebody measured, as rows of the same batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .batch import Flags, Floats, Integers
from .profiles import Profile


@dataclass(frozen=True)
class Recorded:
    """One measured series.

    Attributes:
        set: The name of the collection that it is from; batches have it as their family.
        name: Its name therein.
        values: Shape (steps,), NaN for what is missing.
        season: As in `Batch`.
        second_season: As in `Batch`.
    """

    set: str
    name: str
    values: Floats
    season: int = 1
    second_season: int = 1

    def fits(self, profile: Profile) -> bool:
        """Whether a profile has its seasons and is no longer than it."""
        return (self.season, self.second_season) in profile.seasons and len(self.values) >= profile.shortest


@dataclass(frozen=True)
class Windows:
    """Stretches of measured series; shapes (B, T), and (B,) for the others."""

    values: Floats
    season: Integers
    second_season: Integers
    set: NDArray[np.str_]

    @property
    def anchored(self) -> Flags:
        """Rows without negative values."""
        return np.all(~(self.values < 0), axis=1)


@dataclass(frozen=True)
class Collection:
    """Measured series from several sets, drawn so that a large set does not drown a small one.

    Attributes:
        series: All of them.
    """

    series: Sequence[Recorded]
    _fitting: dict[str, list[list[Recorded]]] = field(default_factory=dict, init=False, repr=False)

    def sets(self, profile: Profile) -> list[list[Recorded]]:
        """The series that fit a profile, by set."""
        if profile.name not in self._fitting:
            sets: dict[str, list[Recorded]] = {}
            for each in self.series:
                if each.fits(profile):
                    sets.setdefault(each.set, []).append(each)
            self._fitting[profile.name] = list(sets.values())
        return self._fitting[profile.name]

    def draw(self, rng: np.random.Generator, profile: Profile, rows: int) -> Windows:
        """Stretches that end anywhere; a set of n series is drawn in proportion to the root of n."""
        sets = self.sets(profile)
        weights = np.sqrt([len(each) for each in sets])
        drawn = [sets[place] for place in rng.choice(len(sets), size=rows, p=weights / weights.sum())]
        series = [each[rng.integers(len(each))] for each in drawn]
        values = np.full((rows, profile.length), np.nan)
        for row, each in zip(values, series, strict=True):
            least = min(len(each.values), max(profile.shortest, profile.length // 2))
            end = rng.integers(least, len(each.values) + 1)
            stretch = each.values[max(end - profile.length, 0) : end]
            row[profile.length - len(stretch) :] = stretch
        return Windows(
            values,
            np.array([each.season for each in series], np.int64),
            np.array([each.second_season for each in series], np.int64),
            np.array([each.set for each in series]),
        )
