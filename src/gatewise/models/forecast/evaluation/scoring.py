"""The figures of a leaderboard."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ....tables.panel import Floats, Panel
from ....words import few
from ..metrics import mase, mean, msis, over_steps, smape, wql
from ..results import MSIS_LEVEL, SCORED_LEVELS, Quantiles, Score, Window, central_levels
from .baselines import FALLBACKS
from .calibration import Coverage
from .differences import Errors


def leaderboard(
    windows: Sequence[Window], errors: Errors, step: int, seconds: Mapping[str, float]
) -> tuple[Score, ...]:
    """The figures of every model, best first by relative error.

    Equal ones stay in order, the simplest first; a model without a figure comes last.
    """
    scores = [score(model, windows, errors, coverages(windows, model, step), seconds[model]) for model in errors.models]
    return tuple(sorted(scores, key=lambda one: (math.isnan(one.relative), one.relative)))


def coverages(windows: Sequence[Window], model: str, step: int) -> tuple[Coverage, ...]:
    """What the model's intervals held, narrowest first."""
    levels = central_levels(windows[0].forecasts[model].levels)
    return tuple(Coverage.of(windows, model, level, step) for level in levels)


def score(model: str, windows: Sequence[Window], errors: Errors, held: Sequence[Coverage], seconds: float) -> Score:
    """One model's figures; every series counts alike in every window, but in wql by its size.

    What was not observed counts nowhere. MASE, MSIS and the error by step are means over the series whose scale is
    defined. A forecast that is not a number makes all figures NaN: it is not passed over.
    """
    actual = np.concatenate([window.actual for window in windows])
    scale = np.concatenate([window.insample_scale for window in windows])
    forecast = joined([window.forecasts[model] for window in windows])
    observed = ~np.isnan(actual).all(axis=1)
    defined = observed & ~np.isnan(scale)
    known = actual[defined], forecast.median[defined], scale[defined]
    low, high = (bound[defined] for bound in forecast.interval(MSIS_LEVEL))
    scored = forecast.values[..., [forecast.levels.index(level) for level in SCORED_LEVELS]]
    logs, lead = errors.log_ratios(model, reference(errors)), errors.difference(model, reference(errors))
    relative = errors.relative(model, reference(errors))
    return Score(
        model,
        relative=relative if np.isfinite(relative) else float("nan"),
        relative_error=relative * lead.standard_error,
        median=float(np.exp(np.median(logs))) if logs.size else float("nan"),
        best=100 * mean(errors.best(model)),
        mase=mean(mase(*known)),
        smape=mean(smape(actual[observed], forecast.median[observed])),
        wql=wql(actual, scored, SCORED_LEVELS),
        msis=mean(msis(known[0], low, high, MSIS_LEVEL, known[2])),
        coverage={one.level: one.percent for one in held},
        coverage_error={one.level: one.standard_error for one in held},
        seconds=seconds,
        error_by_step=error_by_step(*known),
    )


def reference(errors: Errors) -> str:
    """The model that errors are given as ratios of: the seasonal naive, the naive, or else the simplest."""
    return next((name for name in FALLBACKS if name in errors.models), next(iter(errors.models)))


def joined(parts: Sequence[Quantiles]) -> Quantiles:
    """The forecasts of one model for several sets of series, as one."""
    return Quantiles(parts[0].model, parts[0].levels, np.concatenate([part.values for part in parts]))


def error_by_step(actual: Floats, forecast: Floats, scale: Floats) -> Floats:
    """Mean absolute scaled error at each step ahead, shape (H,)."""
    scaled = np.abs(actual - forecast) / scale[:, None]
    return over_steps(scaled.T, actual.T)


def undefined_scales(panel: Panel, windows: Sequence[Window]) -> tuple[str, ...]:
    """A note on the series that have no MASE, if any."""
    rows = sorted({int(row) for window in windows for row in window.series[np.isnan(window.insample_scale)]})
    if not rows:
        return ()
    names = few([panel.ids[row] for row in rows])
    compared = len({int(row) for window in windows for row in window.series})
    return (
        f"MASE and MSIS are not defined for {len(rows):,} of {compared:,} series, which repeat themselves every season "
        f"({names}): they are left out of these means, but not of the comparison with the naive forecast.",
    )
