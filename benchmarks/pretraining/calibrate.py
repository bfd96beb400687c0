"""Factors on the reach of the pretrained network's intervals, with which they hold what they say on real series.

One for each interval, whatever the season, the length and the step ahead: factors of their own for any of these held no
better on sets that were left out, which `left_out` shows of those here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from gatewise.models.forecast.evaluation import calibration
from gatewise.models.forecast.pretrained.forward import Forward
from gatewise.models.forecast.pretrained.model import forecast
from gatewise.models.forecast.pretrained.network import LEVELS, MIDDLE
from gatewise.tables.panel import Floats

from .suite import SUITE, ValidationSet
from .validation import REAL

INTERVALS = tuple(round(100 * (1 - 2 * level)) for level in LEVELS[MIDDLE - 1 :: -1])
"""Percent of the central intervals between the network's levels, from the innermost outward."""

Distances = Mapping[str, Floats]
"""By set: how far each observation lies from the median, in units of the reach of each interval, (INTERVALS, N)."""


def distances(network: Forward) -> Distances:
    """Of a network that is not calibrated, on the real sets of the validation suite."""
    return {name: _distances(network, one) for name in REAL if (one := SUITE[name]()).histories}


def _distances(network: Forward, one: ValidationSet) -> Floats:
    found = forecast(network, one.histories, one.season, one.second_season, one.horizon)
    actual, median = np.stack(one.actual), found[..., MIDDLE]
    pairs = [(found[..., MIDDLE - depth], found[..., MIDDLE + depth]) for depth in range(1, len(INTERVALS) + 1)]
    return np.stack([calibration.distances(actual, median, low, high) for low, high in pairs])


def fitted(found: Distances) -> tuple[float, ...]:
    """The factor of each interval with which it holds what it says, in the mean over sets."""
    shares = np.concatenate([np.full(each.shape[1], 1 / each.shape[1]) for each in found.values()])
    columns = np.concatenate(list(found.values()), axis=1)
    return tuple(
        round(_quantile(row, shares, percent / 100), 4) for row, percent in zip(columns, INTERVALS, strict=True)
    )


def _quantile(values: Floats, weights: Floats, level: float) -> float:
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(below, level * below[-1])]])


def left_out(found: Distances) -> Floats:
    """Percent of each set that intervals hold with the factors of all the others, (sets, INTERVALS)."""
    return np.stack([_held(found[name], fitted(_without(found, name))) for name in found])


def _without(found: Distances, name: str) -> Distances:
    return {other: each for other, each in found.items() if other != name}


def _held(each: Floats, reach: Iterable[float]) -> Floats:
    return 100 * (each <= np.array(list(reach))[:, None]).mean(axis=1)
