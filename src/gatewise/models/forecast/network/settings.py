"""How large a network and how long a training a panel deserves: one rule, from its size alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .... import fields
from ....fields import Fields

MEMBERS = 3
MOST_SEASONS = 14
"""Seasons in a look-back: two weeks of days, where hours have weeks beside their days."""
LONGEST_LOOK_BACK = 672
"""Observations in a look-back, unless two seasons are longer."""
LONGEST_PATCH = 32


@dataclass(frozen=True)
class Settings:
    """Everything about an `LSTMModel` that follows from the data.

    look_back, patch: observations a window reads, and observations in each of its patches. recent: observations
    whose mean is the window's level. hidden: LSTM units. members: networks in the ensemble, an odd number.
    block: observations in a row that a member leaves out. steps, batch: updates of each member and windows in
    each update.
    """

    look_back: int
    patch: int
    recent: int
    hidden: int
    members: int
    block: int
    steps: int
    batch: int

    @property
    def threads(self) -> int:
        """Threads that are worth having: operations of a small network take less time than waking a second one."""
        return 1 if self.hidden < 128 else 64

    @classmethod
    def of(cls, horizon: int, season: int, lengths: NDArray[np.int64]) -> Settings:
        """The rule.

        The look-back is fourteen seasons, or four horizons where there is no season, but no more than a third of
        the median series. Network, batch and steps grow with the logarithm of the number of observations, from a
        thousand of them (32 units, 64 windows, 200 steps) to a hundred thousand (128, 256, 2400). Every member
        leaves out blocks of two horizons, or shorter ones where the median series has not a block for each.
        """
        typical = int(np.median(lengths))
        look_back = look_back_of(horizon, season, typical)
        patch = patch_of(season, look_back)
        size = float(np.clip(np.log10(lengths.sum() / 1e3) / 2, 0.0, 1.0))
        return cls(
            look_back=look_back // patch * patch,
            patch=patch,
            recent=min(4 * season, look_back // patch * patch) if season > 1 else 1,
            hidden=32 * 2 ** round(2 * size),
            members=MEMBERS,
            block=max(1, min(2 * horizon, typical // MEMBERS)),
            steps=round(200 * 12**size),
            batch=64 * 2 ** round(2 * size),
        )


def stored_settings(season: int, networks: int, most: int) -> Fields:
    """`Settings` in a file of so many networks, for data of this season. most: the largest size."""
    longest = max(LONGEST_LOOK_BACK, 2 * season)
    return Fields(
        {
            "look_back": fields.whole(1, longest),
            "patch": fields.whole(1, LONGEST_PATCH),
            "recent": fields.whole(1, longest),
            "hidden": fields.whole(1, most),
            "members": fields.whole(networks, networks),
            "block": fields.whole(1),
            "steps": fields.whole(1),
            "batch": fields.whole(1),
        }
    )


def look_back_of(horizon: int, season: int, typical_length: int) -> int:
    """Observations a window reads: at least two seasons, whatever the length of the series."""
    if season > 1:
        ideal = min(MOST_SEASONS * season, LONGEST_LOOK_BACK)
    else:
        ideal = min(max(4 * horizon, 24), LONGEST_LOOK_BACK)
    return max(min(ideal, typical_length // 3), 2 * season, 8)


def patch_of(season: int, look_back: int) -> int:
    """A season, or an equal part of a long one; without a season what makes about thirteen patches."""
    if season >= 4:
        return season // -(-season // LONGEST_PATCH)
    return max(1, min(look_back // 13, LONGEST_PATCH))
