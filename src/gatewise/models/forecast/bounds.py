"""What every forecast is kept within: the bounds that are asked for, and zero for a series that never was below.

A series that was never negative is not forecast to be, whichever model it is, unless a minimum is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ... import fields
from ...errors import InputError, argument
from ...fields import Fields
from ...tables.panel import Floats, Panel
from ...words import count
from .results import Quantiles


@dataclass(frozen=True)
class Bounds:
    """What forecasts may be.

    minimum, maximum: in the units of the data; None for no such bound, where the minimum is zero for series that never
    were below. whole: whether whole numbers only.
    """

    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False

    @classmethod
    def of(cls, minimum: object, maximum: object, whole: object) -> Bounds:
        """The bounds that these arguments describe. Raises InputError for what they cannot be."""
        low, high = _finite("minimum", minimum), _finite("maximum", maximum)
        if not isinstance(whole, bool | np.bool_):
            raise InputError(f"{argument('whole')} is {whole!r}", hint="give True or False")
        made = cls(low, high, bool(whole))
        if made.low > made.high:
            between = " whole" if whole else ""
            what = f"there is no{between} number from {argument('minimum')} {low:g} to {argument('maximum')} {high:g}"
            raise InputError(what, hint="give a maximum above the minimum")
        return made

    @classmethod
    def restored(cls, record: Mapping[str, Any]) -> Bounds:
        """Those that a file describes by `BOUNDS`. Raises InputError as `of`."""
        return cls.of(**record)

    @property
    def low(self) -> float:
        """The least that a forecast may be, as far as that was asked for."""
        low = -math.inf if self.minimum is None else self.minimum
        return low if math.isinf(low) or not self.whole else math.ceil(low)

    def lowest(self, floors: Floats) -> Floats:
        """The least that each of S series may be forecast to be, (S,). floors: as of `floors`."""
        return floors if self.minimum is None else np.full_like(floors, self.low)

    @property
    def high(self) -> float:
        """The most that a forecast may be."""
        high = math.inf if self.maximum is None else self.maximum
        return high if math.isinf(high) or not self.whole else math.floor(high)


ANYTHING = Bounds()
BOUNDS = Fields(
    {"minimum": fields.optional(fields.number()), "maximum": fields.optional(fields.number()), "whole": fields.flag}
)
"""`Bounds` in a file."""


def _finite(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not math.isfinite(value):
        raise InputError(f"{argument(name)} is {value!r}", hint="give a finite number, in the units of the data")
    return float(value)


def floors(panel: Panel) -> Floats:
    """The least that each of S series may be forecast to be, (S,): 0 where no observation is below, else -inf."""
    return np.array([floor_of(values) for values in panel.values])


def floor_of(values: Floats) -> float:
    """The floor under a series of which these are observations; that of several stretches is the lowest of theirs."""
    return 0.0 if values.min(initial=0.0) >= 0 else -np.inf


def bounded(forecast: Quantiles, floors: Floats, bounds: Bounds = ANYTHING) -> Quantiles:
    """The median and every bound within what they may be; notes say where one had to be moved.

    Of whole numbers the median is the nearest, and bounds of intervals lie outside. floors: as of `floors`, of the
    history that is forecast from.
    """
    values = _whole(forecast) if bounds.whole else forecast.values
    if bounds.minimum is None:
        note = f"Where no observation is below zero, {forecast.model}'s forecasts below zero are raised to zero."
        forecast, values = _moved(forecast, values, np.maximum(values, floors[:, None, None]), note)
    note = f"Forecasts below the minimum of {bounds.low:g} are raised to it."
    forecast, values = _moved(forecast, values, np.maximum(values, bounds.low), note)
    note = f"Forecasts above the maximum of {bounds.high:g} are lowered to it."
    forecast, values = _moved(forecast, values, np.minimum(values, bounds.high), note)
    return replace(forecast, values=values)


def _moved(forecast: Quantiles, before: Floats, after: Floats, note: str) -> tuple[Quantiles, Floats]:
    if not np.array_equal(before, after) and note not in forecast.notes:
        forecast = replace(forecast, notes=(*forecast.notes, note))
    return forecast, after


def _whole(forecast: Quantiles) -> Floats:
    levels = np.array(forecast.levels)
    values = forecast.values
    rounded = np.where(levels < 0.5, np.floor(values), np.where(levels > 0.5, np.ceil(values), np.rint(values)))
    return rounded + 0.0  # no negative zero


def outside(panel: Panel, bounds: Bounds) -> tuple[str, ...]:
    """A note where observations contradict the bounds."""
    seen = np.concatenate(panel.observed)
    below, above = int((seen < bounds.low).sum()), int((seen > bounds.high).sum())
    parts = [
        f"{count(number, 'observation')} {'lies' if number == 1 else 'lie'} {where}"
        for number, where in (
            (below, f"below the minimum of {bounds.low:g}"),
            (above, f"above the maximum of {bounds.high:g}"),
        )
        if number
    ]
    return (f"{', '.join(parts)}.",) if parts else ()
