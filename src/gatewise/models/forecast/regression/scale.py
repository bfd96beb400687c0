"""The scale on which a series is a sum of influences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....tables.panel import Floats

NORMAL = 0.6745  # the median distance of a normal variable from its median, in standard deviations
ROOM = 0.5
"""How far beyond what was seen a forecast may lie, in shares of the range seen, on the scale."""


@dataclass(frozen=True)
class Asinh:
    """The inverse hyperbolic sine about the median, in units of the median distance from it.

    It is Uniejewski, Weron & Ziel's for electricity prices, which have spikes and fall below zero (2018,
    doi:10.1109/TPWRS.2017.2734563).
    """

    centre: float
    unit: float

    @classmethod
    def of(cls, values: Floats) -> Asinh:
        """That of values, which may hold NaN."""
        seen = values[~np.isnan(values)]
        centre = float(np.median(seen))
        return cls(centre, float(np.median(np.abs(seen - centre))) / NORMAL or float(seen.std()) or 1.0)

    def enter(self, values: Floats) -> Floats:
        """On the scale."""
        return np.arcsinh((values - self.centre) / self.unit)

    def leave(self, values: Floats) -> Floats:
        """Back in the units of the values."""
        return np.sinh(values) * self.unit + self.centre


class Logarithm:
    """The logarithm of what is positive."""

    def enter(self, values: Floats) -> Floats:
        """On the scale."""
        return np.log(np.maximum(values, np.finfo(float).tiny))

    def leave(self, values: Floats) -> Floats:
        """Back in the units of the values."""
        return np.exp(values)


@dataclass(frozen=True)
class Scale:
    """The logarithm of a series that is positive, else the inverse hyperbolic sine. low, high: bounds on the scale."""

    form: Asinh | Logarithm
    low: float
    high: float

    @classmethod
    def of(cls, values: Floats) -> Scale:
        """That of a history, which may hold NaN."""
        seen = values[~np.isnan(values)]
        form = Logarithm() if seen.min() > 0 else Asinh.of(seen)
        on = form.enter(seen)
        room = ROOM * float(np.ptp(on))
        return cls(form, float(on.min()) - room, float(on.max()) + room)

    def enter(self, values: Floats) -> Floats:
        """On the scale."""
        return self.form.enter(values)

    def leave(self, values: Floats) -> Floats:
        """Back in the units of the series, within the bounds."""
        return self.form.leave(np.clip(values, self.low, self.high))
