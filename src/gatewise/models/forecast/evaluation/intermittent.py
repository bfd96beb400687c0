"""Demand that comes now and then: how it is recognised, and how it is forecast."""

from __future__ import annotations

import numpy as np

from ....tables.panel import Floats, Panel

LEAST_INTERVAL = 1.32
"""Mean steps from one demand to the next beyond which demand is intermittent (Syntetos, Boylan & Croston 2005,
doi:10.1057/palgrave.jors.2601841)."""


def is_intermittent(values: Floats) -> bool:
    """Whether a series, from its first value that is not zero, is never negative and zero for long enough."""
    known = values[~np.isnan(values)]
    demand = np.flatnonzero(known)
    if len(demand) < 2 or known.min() < 0:
        return False
    return (len(known) - demand[0]) / len(demand) > LEAST_INTERVAL


def intermittent(panel: Panel) -> tuple[bool, ...]:
    """For each series whether its demand is intermittent, as far as it was observed."""
    return tuple(is_intermittent(values) for values in panel.observed)


def demand_quantiles(values: Floats, rate: float, levels: tuple[float, ...], horizon: int) -> Floats:
    """Quantiles of demand whose mean is forecast, (horizon, Q): the mean, and about it those of the history.

    The history is scaled to the forecast mean, so that its share of zeros stays.
    """
    mean = float(values.mean())
    quantiles = np.quantile(values, levels) * (rate / mean if mean > 0 else 1.0)
    quantiles[levels.index(0.5)] = rate
    return np.tile(quantiles, (horizon, 1))
