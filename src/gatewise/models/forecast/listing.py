"""The tables of an outcome as columns of text, the same in the terminal and on the page."""

from __future__ import annotations

import numpy as np

from ...words import UNDEFINED, numbers, percent, stamps
from .outcome import Outcome
from .results import Backtest, interval_levels

Columns = list[tuple[str, list[str]]]
"""Each a heading and one cell per row."""


def forecast_columns(outcome: Outcome, row: int) -> Columns:
    """Time, median and intervals of one series, one row per step, all numbers in one format."""
    times = outcome.panel.frequency.future(outcome.panel.times[row][-1], outcome.horizon)
    values = outcome.quantiles.values[row]
    cells = np.array(numbers(values)).reshape(values.shape)
    written = {level: cells[:, at].tolist() for at, level in enumerate(outcome.quantiles.levels)}
    columns = [("ds", stamps(times)), (outcome.model, written[0.5])]
    for percents in outcome.levels:
        low, high = (written[bound] for bound in interval_levels(percents))
        joined = [f"{least} to {most}" for least, most in zip(low, high, strict=True)]
        columns.append((f"{percents} % interval", joined))
    return columns


def score_columns(backtest: Backtest) -> Columns:
    """The leaderboard, best first."""
    scores = backtest.scores
    columns = [
        ("model", [score.model for score in scores]),
        ("MASE", [_fixed(score.mase, 3) for score in scores]),
        ("sMAPE", [percent(score.smape, 2) for score in scores]),
        ("CRPS", [_fixed(score.crps, 4) for score in scores]),
    ]
    for level in sorted(scores[0].coverage):
        columns.append((f"cover {level} %", [percent(score.coverage[level]) for score in scores]))
    return [*columns, ("time", [f"{score.seconds:.1f} s" for score in scores])]


def _fixed(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if np.isfinite(value) else UNDEFINED
