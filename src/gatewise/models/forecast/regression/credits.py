"""What makes the regression's forecast: its mean, the calendar, each covariate, and what the network adds.

On the regression's scale these are a sum. In the units of the data each part gets its integrated gradient along the
straight line from the mean (Sundararajan, Taly & Yan 2017, arXiv:1703.01365), which for a function of a sum is the same
share of the way in units as of the way on the scale; and so they add up there too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....tables.panel import Floats
from .fitting import Fit
from .layout import History, Layout
from .scale import Scale

BASE, CALENDAR, REST = "(base)", "(calendar)", "(rest)"
"""The mean, the calendar, and what the network adds."""
_STEP = 1e-6


@dataclass(frozen=True)
class Credits:
    """names: of P parts, the base first. parts: (horizon, P), in the units of the data."""

    names: tuple[str, ...]
    parts: Floats

    @classmethod
    def of(cls, fit: Fit, history: History, scale: Scale, rest: Floats) -> Credits:
        """The parts of a median forecast, of which the network adds the rest (horizon,), on the scale."""
        start, stop = history.length, len(history.times)
        owners = owners_of(fit.layout, history)
        weighted = np.concatenate([rows * fit.weights for _, rows in fit.layout.parts(history, start, stop)])
        blocks = range(-1, len(fit.layout.blocks))  # the calendar, and each covariate
        given = np.column_stack([weighted[:, owners == block].sum(axis=1) for block in blocks])
        on_scale = np.column_stack((given, rest))
        base = np.full(len(rest), fit.intercept)
        slope = _slope(scale, base, base + on_scale.sum(axis=1))
        parts = np.column_stack((scale.leave(base), on_scale * slope[:, None]))
        return cls((BASE, CALENDAR, *(block.name for block in fit.layout.blocks), REST), parts)


def _slope(scale: Scale, start: Floats, end: Floats) -> Floats:
    """Units of the data for one of the scale, on the way from one value to another."""
    way = end - start
    near = np.abs(way) < _STEP
    start, way = np.where(near, start - _STEP, start), np.where(near, 2 * _STEP, way)
    return (scale.leave(start + way) - scale.leave(start)) / way


def owners_of(layout: Layout, history: History) -> NDArray[np.int64]:
    """Of each column of a layout the block that it belongs to, -1 for the calendar, (P,)."""
    numbers, times = np.arange(1), history.times[:1]
    phases = layout.calendar.phases(numbers).shape[1]
    widths = [layout.calendar.columns(numbers, times).shape[1]]
    widths += [block.columns(history.known[: block.reach + 1]).shape[1] for block in layout.blocks]
    plain = np.repeat(np.arange(-1, len(layout.blocks)), widths)
    crossed = (layout.width - phases - len(plain)) // max(len(plain), 1)
    return np.concatenate((np.full(phases, -1), np.tile(plain, 1 + crossed)))
