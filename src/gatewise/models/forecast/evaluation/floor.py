"""The floor under every forecast: a series that was never negative is not forecast to be, whichever model it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....tables.panel import Floats, Panel
from ..results import Quantiles


def floors(panel: Panel) -> Floats:
    """The least that each of S series may be forecast to be, (S,): 0 where no observation is below, else -inf."""
    return np.array([floor_of(values) for values in panel.values])


def floor_of(values: Floats) -> float:
    """The floor under a series of which these are observations; that of several stretches is the lowest of theirs."""
    return 0.0 if values.min(initial=0.0) >= 0 else -np.inf


def floored(forecast: Quantiles, floors: Floats) -> Quantiles:
    """The median and every bound raised to the floor of its series; a note says so where one had to be.

    floors: as of `floors`, of the history that is forecast from.
    """
    values = np.maximum(forecast.values, floors[:, None, None])
    if np.array_equal(values, forecast.values):
        return forecast
    note = f"Where no observation is below zero, {forecast.model}'s forecasts below zero are raised to zero."
    return replace(forecast, values=values, notes=(*forecast.notes, note))
