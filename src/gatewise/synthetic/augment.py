"""What is done to series after they are drawn: mixed, bent, cut off, rounded, turned around."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .batch import Flags, Floats, Frame, Integers
from .parts.scale import standard


@dataclass(frozen=True)
class Augmentation:
    """A change that is made to some rows.

    Attributes:
        name: As it stands in pages.
        chance: Of each row to be changed.
        source: The paper that it is from.
        make: Changes series of shape (B, T) for a frame.
        anchored: Whether anchored rows are changed too.
        gaps: Whether rows with missing values are changed too.
    """

    name: str
    chance: float
    source: str
    make: Callable[[Frame, Floats], Floats]
    anchored: bool = True
    gaps: bool = True


def _spread(values: Floats) -> Floats:
    return values.std(axis=1, keepdims=True)


def _mixed(frame: Frame, values: Floats) -> Floats:
    """Two or three series of the same seasons, each by its mean size, in shares of a Dirichlet distribution."""
    size = np.abs(values).mean(axis=1, keepdims=True)
    scaled = values / np.where(size > 1e-12, size, 1.0)
    shares = frame.rng.dirichlet([1.5, 1.5, 1.5], frame.rows)
    shares[:, 2] *= frame.rng.random(frame.rows) < 0.5
    shares /= shares.sum(axis=1, keepdims=True)
    second, third = (shares[:, [k]] * scaled[_partners(frame)] for k in (1, 2))
    return shares[:, [0]] * scaled + second + third


def _partners(frame: Frame) -> Integers:
    """A row of the same seasons for each row."""
    partner = np.arange(frame.rows)
    kinds = frame.season * 100_000 + frame.second_season
    for kind in np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        partner[rows] = frame.rng.permutation(rows)
    return partner


def _modulated(frame: Frame, values: Floats) -> Floats:
    """Times a course of straight pieces."""
    sizes = np.exp(0.5 * frame.rng.standard_normal((frame.rows, 4)))
    place = frame.time * 3
    before = np.minimum(place.astype(np.int64), 2)
    share = place - before
    return values * ((1 - share) * sizes[:, before] + share * sizes[:, before + 1])


def _spiked(frame: Frame, values: Floats) -> Floats:
    """With a few values far out, all upward for half of the rows; what is never negative stays so."""
    far = (1 + np.abs(frame.normal())) * frame.column(1, 4) * _spread(values)
    side = np.where(frame.chosen(0.5), 1.0, np.sign(frame.normal()))
    spiked = values + far * side * (frame.rng.random(frame.shape) < frame.log_column(0.003, 0.02))
    return np.maximum(spiked, np.where(values.min(axis=1, keepdims=True) >= 0, 0, -np.inf))


def _censored(frame: Frame, values: Floats) -> Floats:
    """Held above or below a quantile."""
    share = frame.column(0.05, 0.5)
    place = (share[:, 0] * (frame.length - 1)).astype(np.int64)
    bound = np.sort(values, axis=1)[np.arange(frame.rows), place][:, None]
    opposite = -np.sort(-values, axis=1)[np.arange(frame.rows), place][:, None]
    return np.where(frame.chosen(0.6), np.maximum(values, bound), np.minimum(values, opposite))


def _rounded(frame: Frame, values: Floats) -> Floats:
    """To multiples of a unit, from a hundredth of the spread to the whole of it."""
    unit = _spread(values) * frame.log_column(0.01, 1)
    unit = np.where(unit > 1e-12, unit, 1.0)
    return np.round(values / unit) * unit


def _reversed(frame: Frame, values: Floats) -> Floats:
    return values[:, ::-1]


def _flipped(frame: Frame, values: Floats) -> Floats:
    return -values


def _lifted(frame: Frame, values: Floats) -> Floats:
    """Above zero, by anything from nothing to ten times the spread."""
    return standard(values) - standard(values).min(axis=1, keepdims=True) + frame.log_column(0.01, 10)


AUGMENTATIONS = (
    Augmentation("mixing", 0.3, "TSMixup (Ansari et al. 2024)", _mixed, gaps=False),
    Augmentation("flipping", 0.15, "Reverso (2026), TimesFM-3", _flipped, anchored=False),
    Augmentation("reversal", 0.05, "Wen et al. 2021", _reversed, anchored=False, gaps=False),
    Augmentation("lifting", 0.5, "most of what is measured is positive", _lifted, anchored=False),
    Augmentation("modulation", 0.15, "TiRex (Auer et al. 2025)", _modulated),
    Augmentation("spikes", 0.05, "TiRex (Auer et al. 2025)", _spiked),
    Augmentation("censoring", 0.06, "TiRex (Auer et al. 2025)", _censored),
    Augmentation("rounding", 0.1, "counts and coarse instruments", _rounded),
)


def augmented(frame: Frame, values: Floats, anchored: Flags) -> Floats:
    """The values after every augmentation that falls to them, in the order above, in a size of their own.

    What is missing stays missing.
    """
    missing = np.isnan(values)
    whole = ~missing.any(axis=1)
    values = _filled(values, missing)
    for each in AUGMENTATIONS:
        taken = frame.rng.random(frame.rows) < each.chance
        rows = np.flatnonzero(taken & (~anchored | each.anchored) & (whole | each.gaps))
        if len(rows):
            values[rows] = each.make(frame.part(rows), values[rows])
    return np.where(missing, np.nan, values * np.exp(2 * frame.normal_column()))


def _filled(values: Floats, missing: Flags) -> Floats:
    """The mean of a row for what it lacks."""
    known = np.where(missing, 0, values)
    means = known.sum(axis=1, keepdims=True) / np.maximum((~missing).sum(axis=1, keepdims=True), 1)
    return np.where(missing, means, values)
