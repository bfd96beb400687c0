"""The scale on which a series is a sum of influences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....tables.panel import Floats

NORMAL = 0.6745  # the median distance of a normal variable from its median, in standard deviations
ROOM = 0.5
"""How far beyond what was seen a forecast may lie, in shares of the range seen, on the scale."""


@dataclass(frozen=True)
class Scale:
    """The logarithm of a series that is positive, else the inverse hyperbolic sine about its median.

    The second is Uniejewski, Weron & Ziel's for electricity prices, which have spikes and fall below zero (2018,
    doi:10.1109/TPWRS.2017.2734563). low, high: bounds on the scale.
    """

    logarithm: bool
    centre: float
    unit: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Floats) -> Scale:
        """That of a history, which may hold NaN."""
        seen = values[~np.isnan(values)]
        logarithm = bool(seen.min() > 0)
        centre = float(np.median(seen))
        unit = float(np.median(np.abs(seen - centre))) / NORMAL or float(seen.std()) or 1.0
        plain = cls(logarithm, centre, unit, -np.inf, np.inf)
        on = plain.enter(seen)
        room = ROOM * float(np.ptp(on))
        return cls(logarithm, centre, unit, float(on.min()) - room, float(on.max()) + room)

    def enter(self, values: Floats) -> Floats:
        """On the scale."""
        return (
            np.log(np.maximum(values, np.finfo(float).tiny))
            if self.logarithm
            else np.arcsinh((values - self.centre) / self.unit)
        )

    def leave(self, values: Floats) -> Floats:
        """Back in the units of the series, within the bounds."""
        held = np.clip(values, self.low, self.high)
        return np.exp(held) if self.logarithm else np.sinh(held) * self.unit + self.centre
