"""From windows of forecasts and what then came to the figures of a leaderboard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....tables.panel import Floats, Panel
from ....words import few
from ..metrics import coverage, mase, mean, scaled_crps, smape
from ..results import Quantiles, Score, Window, central_levels


def score(model: str, windows: Sequence[Window], seconds: float) -> Score:
    """One model's figures; every series counts alike in every window, but in crps by its size.

    MASE and the error by step are means over the series whose scale is defined. A forecast that is not a number
    makes all figures NaN: it is not passed over.
    """
    actual = np.concatenate([window.actual for window in windows])
    scale = np.concatenate([window.insample_scale for window in windows])
    said = joined([window.forecasts[model] for window in windows])
    defined = ~np.isnan(scale)
    known = actual[defined], said.median[defined], scale[defined]
    return Score(
        model,
        mase=mean(mase(*known)),
        smape=float(smape(actual, said.median).mean()),
        crps=scaled_crps(actual, said.values, said.levels),
        coverage={level: coverage(actual, *said.interval(level)) for level in central_levels(said.levels)},
        seconds=seconds,
        error_by_step=error_by_step(*known),
    )


def joined(parts: Sequence[Quantiles]) -> Quantiles:
    """The forecasts of one model for several sets of series, as one."""
    return Quantiles(parts[0].model, parts[0].levels, np.concatenate([part.values for part in parts]))


def error_by_step(actual: Floats, forecast: Floats, scale: Floats) -> Floats:
    """Mean absolute scaled error at each step ahead, shape (H,)."""
    scaled = np.abs(actual - forecast) / scale[:, None]
    return np.array([mean(step) for step in scaled.T])


def undefined_scales(panel: Panel, windows: Sequence[Window]) -> tuple[str, ...]:
    """A note on the series that have no MASE, if any."""
    rows = sorted({int(row) for window in windows for row in window.series[np.isnan(window.insample_scale)]})
    if not rows:
        return ()
    names = few([panel.ids[row] for row in rows])
    compared = len({int(row) for window in windows for row in window.series})
    return (
        f"MASE is not defined for {len(rows):,} of {compared:,} series, which repeat themselves every season "
        f"({names}): they are left out of its mean.",
    )
