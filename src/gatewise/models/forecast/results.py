"""What comes of a forecast: quantiles, scores, windows, and the frame users get."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...tables.panel import Floats, Panel


@dataclass(frozen=True)
class Quantiles:
    """Quantile forecasts of one model for S series.

    model: the column name, such as ``"LSTM"``. levels: Q probabilities in increasing order, 0.5 among them.
    values: shape (S, horizon, Q), non-decreasing along Q. notes: sentences about series forecast another way.
    """

    model: str
    levels: tuple[float, ...]
    values: Floats
    notes: tuple[str, ...] = ()

    @property
    def median(self) -> Floats:
        """The point forecast, shape (S, horizon)."""
        return self.values[..., self.levels.index(0.5)]

    def interval(self, level: int) -> tuple[Floats, Floats]:
        """Lower and upper bound of the central ``level`` percent interval, each (S, horizon)."""
        low, high = interval_levels(level)
        return self.values[..., self.levels.index(low)], self.values[..., self.levels.index(high)]


def interval_levels(level: int) -> tuple[float, float]:
    """The two probabilities that bound a central interval of ``level`` percent."""
    tail = (100 - level) / 200
    return round(tail, 6), round(1 - tail, 6)


def quantile_levels(levels: tuple[int, ...]) -> tuple[float, ...]:
    """The probabilities, with the median, that central intervals of these percents need."""
    return tuple(sorted({0.5, *(tail for level in levels for tail in interval_levels(level))}))


def central_levels(levels: tuple[float, ...]) -> tuple[int, ...]:
    """The percents of the central intervals that these probabilities bound: the way back."""
    return tuple(sorted(round(100 - 200 * level) for level in levels if level < 0.5))


@dataclass(frozen=True)
class Score:
    """One model's figures over all backtest windows and series (lower is better but for coverage).

    mase: mean absolute scaled error, scale = in-sample seasonal naive. smape: percent, factor 200.
    crps: scaled continuous ranked probability score (mean weighted quantile loss over the levels).
    coverage: for each interval level, the percent of observations inside. seconds: fit and predict.
    error_by_step: mean absolute scaled error at each step ahead, shape (horizon,).
    """

    model: str
    mase: float
    smape: float
    crps: float
    coverage: Mapping[int, float]
    seconds: float
    error_by_step: Floats


@dataclass(frozen=True)
class Window:
    """One rolling-origin window: what was known until ``cutoffs`` and what came.

    series: positions (in the panel) of the N series scored. actual: shape (N, horizon).
    insample_scale: the seasonal naive's in-sample mean absolute error of each series, shape (N,).
    forecasts: one per model, each for the same N series.
    """

    series: NDArray[np.int64]
    cutoffs: tuple[np.datetime64 | int, ...]
    actual: Floats
    insample_scale: Floats
    forecasts: Mapping[str, Quantiles]


@dataclass(frozen=True)
class Backtest:
    """A rolling-origin comparison of several models.

    scores: best first. winner: the model at the top. verdict: one sentence for the reader.
    notes: what was left out or sampled, in sentences.
    """

    horizon: int
    season: int
    scores: tuple[Score, ...]
    windows: tuple[Window, ...]
    winner: str
    verdict: str
    notes: tuple[str, ...] = ()

    def score(self, model: str) -> Score:
        """The figures of one model; KeyError where it was not scored."""
        return {score.model: score for score in self.scores}[model]


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
