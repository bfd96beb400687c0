"""Errors and windows made by hand, and drawn from a seed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gatewise.models.forecast.evaluation.differences import Errors
from gatewise.models.forecast.results import Quantiles, Window, quantile_levels
from gatewise.tables.panel import Floats

LEVELS = (80, 95)


def errors(overlap: int = 0, **models: list[list[float]] | Floats) -> Errors:
    """Each (K, S), all observed."""
    arrays = {name: np.asarray(rows, np.float64) for name, rows in models.items()}
    shape = next(iter(arrays.values())).shape
    return Errors(arrays, {}, np.ones(shape, np.bool_), overlap)


def window(actual: Floats, forecasts: Mapping[str, Quantiles], steps_back: int) -> Window:
    """One of N series, (N, H), scaled by 1."""
    rows = np.arange(len(actual))
    return Window(rows, tuple(rows.tolist()), actual, np.ones(len(actual)), forecasts, steps_back=steps_back)


def normal(model: str, centre: Floats, spread: float = 1.0) -> Quantiles:
    """The quantiles of a normal distribution around (N, H)."""
    from scipy.stats import norm

    levels = quantile_levels(LEVELS)
    return Quantiles(model, levels, centre[..., None] + spread * norm.ppf(levels))
