"""Forecasts as a table, in the column names of the Nixtla libraries."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from .panel import Panel
from .results import Quantiles


def forecast_frame(forecast: Quantiles, panel: Panel, levels: Iterable[int]) -> pd.DataFrame:
    """One row per series and step: ``unique_id, ds, <Model>, <Model>-lo-80, <Model>-hi-80, ...``.

    panel: the history that was forecast. levels: percents of the central intervals to show.
    """
    name, horizon = forecast.model, forecast.values.shape[1]
    columns: dict[str, object] = {
        "unique_id": np.repeat(np.array(panel.ids, object), horizon),
        "ds": np.concatenate(panel.future(horizon)),
        name: forecast.median.ravel(),
    }
    for level in levels:
        low, high = forecast.interval(level)
        columns |= {f"{name}-lo-{level}": low.ravel(), f"{name}-hi-{level}": high.ravel()}
    return pd.DataFrame(columns)
