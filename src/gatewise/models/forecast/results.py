"""What comes of a forecast: quantiles, scores, windows, the frame users get, and all that one run has to tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...tables.panel import Floats, Panel
from .metrics import mase


@dataclass(frozen=True)
class Quantiles:
    """Quantile forecasts of one model for S series.

    Attributes:
        model: The name of the model, such as ``"LSTM"``.
        levels: Q probabilities in increasing order, 0.5 among them.
        values: The forecasts, (S, horizon, Q), float64, in the units of the data, non-decreasing along Q.
        notes: Sentences about values and series that were treated differently.
        members: The point forecasts of M networks that differ by chance and forecast together, (M, S, horizon); None
            where nothing depends on chance.
        stand_ins: The ids of series that another model forecast, by the reason.
        shuffled: By covariate, the point forecasts with its values replaced D times by those of other times, (D, S,
            horizon); empty where that was not tried.
    """

    model: str
    levels: tuple[float, ...]
    values: Floats
    notes: tuple[str, ...] = ()
    members: Floats | None = None
    stand_ins: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    shuffled: Mapping[str, Floats] = field(default_factory=dict[str, Floats])

    @property
    def median(self) -> Floats:
        """The point forecast, shape (S, horizon)."""
        return self.values[..., self.levels.index(0.5)]

    def interval(self, level: int) -> tuple[Floats, Floats]:
        """The bounds of a central interval.

        Args:
            level: Percent, one of those forecast.

        Returns:
            Lower and upper bound, (S, horizon) each.
        """
        low, high = interval_levels(level)
        return self.values[..., self.levels.index(low)], self.values[..., self.levels.index(high)]


def interval_levels(level: int) -> tuple[float, float]:
    """The two probabilities that bound a central interval of ``level`` percent."""
    tail = (100 - level) / 200
    return round(tail, 6), round(1 - tail, 6)


def quantile_levels(levels: tuple[int, ...]) -> tuple[float, ...]:
    """The probabilities, with the median, that central intervals of these percents need."""
    return tuple(sorted({0.5, *(tail for level in levels for tail in interval_levels(level))}))


SCORED = (80, 95)
"""Central intervals that every model forecasts in a backtest, whichever are shown, so that scores can be compared."""
SCORED_LEVELS = quantile_levels(SCORED)
"""The probabilities over which `wql` is a mean."""
MSIS_LEVEL = 95
"""The interval that MSIS is of, as in the M4 competition."""


def central_levels(levels: tuple[float, ...]) -> tuple[int, ...]:
    """The percents of the central intervals that these probabilities bound: the way back."""
    return tuple(sorted(round(100 - 200 * level) for level in levels if level < 0.5))


@dataclass(frozen=True)
class Score:
    """One model's figures over all windows and series of a backtest, of what was observed.

    Lower is better, but coverage should meet its level.

    Attributes:
        model: The name of the model.
        relative: Its mean absolute error over that of the seasonal naive, or the naive where there is no season, as a
            geometric mean over the series, of which no single one can decide (AvgRelMAE, Davydenko & Fildes 2013).
        relative_error: The standard error of ``relative``; infinite where it cannot be told.
        median: The median over the series of the same ratio.
        best: Percent of the series in which no model's error is smaller.
        mase: Mean absolute scaled error, by the in-sample error of the seasonal naive (Hyndman & Koehler 2006).
        smape: Symmetric mean absolute percentage error in percent, with factor 200 (as in the M4 competition).
        wql: Weighted quantile loss, the mean over the levels .025, .1, .5, .9 and .975. A series weighs by its size.
        msis: Mean scaled interval score of the 95 % intervals, scaled as MASE (M4's measure of intervals).
        coverage: For each level, the percent of observations inside the interval.
        coverage_error: For each level, the standard error of an interval that holds what it says, in percent.
        seconds: Time to fit and predict.
        error_by_step: Mean absolute scaled error at each step ahead, (horizon,).
    """

    model: str
    relative: float
    relative_error: float
    median: float
    best: float
    mase: float
    smape: float
    wql: float
    msis: float
    coverage: Mapping[int, float]
    coverage_error: Mapping[int, float]
    seconds: float
    error_by_step: Floats


@dataclass(frozen=True)
class Window:
    """One window of a backtest: what was known up to ``cutoffs``, and what came after.

    Attributes:
        series: Positions in the panel of the N series that were scored, (N,).
        cutoffs: The last time known of each series.
        actual: What came, (N, horizon); NaN where nothing was observed.
        insample_scale: The in-sample mean absolute error of the seasonal naive, (N,); NaN where it is undefined.
        forecasts: By model, the forecasts of the same N series.
        steps_back: How many steps the cutoff lies before the end of each series.
        intermittent: Whether the demand of each series comes now and then, by what came before the first window, (N,).
    """

    series: NDArray[np.int64]
    cutoffs: tuple[np.datetime64 | int, ...]
    actual: Floats
    insample_scale: Floats
    forecasts: Mapping[str, Quantiles]
    steps_back: int = field(kw_only=True)
    intermittent: NDArray[np.bool_] = field(kw_only=True, default_factory=lambda: np.zeros(0, np.bool_))


@dataclass(frozen=True)
class Effect:
    """What one covariate does for a model.

    Attributes:
        name: The covariate.
        rise: By which share the mean absolute error rises where it has the values of other times of the same season.
        standard_error: The standard error of that, over windows; infinite where it cannot be told.
    """

    name: str
    rise: float
    standard_error: float


@dataclass(frozen=True)
class Worth:
    """What covariates are worth in a backtest.

    Attributes:
        covariates: Their names.
        model: The best model that takes them, and ``relative`` its error, see `Score.relative`.
        relative: See ``model``.
        without: The best model that takes none, and ``relative_without`` its error.
        relative_without: See ``without``.
        clear: Whether the first is ahead by more than a standard error, and better in most windows.
        effects: What each does alone, the largest first.
    """

    covariates: tuple[str, ...]
    model: str
    relative: float
    without: str
    relative_without: float
    clear: bool
    effects: tuple[Effect, ...]


Claim = Literal["wins", "close", "naive", "few"]
"""What a backtest shows: that the best model is better than every other, that it is too close to call among those
better than the naive forecast, that no model is better than that, or that there are too few values to tell."""


@dataclass(frozen=True)
class Judgement:
    """What the windows show, and who forecasts because of it.

    Attributes:
        claim: What they show, a `Claim`.
        best: The model with the smallest error.
        runner_up: The next one, or the best itself where it is alone.
        naive: The better of the naive forecasts.
        reference: The naive forecast that errors are given as ratios of.
        chosen: The model that forecasts, unless another was asked for.
        expected: The error of what this way of choosing chose without the window that it is scored on, as a ratio like
            `Score.relative`; NaN where there is only one window.
        intervals: The model with the smallest MSIS, or ``""`` where that is not defined.
    """

    claim: Claim
    best: str
    runner_up: str
    naive: str
    reference: str
    chosen: str
    expected: float
    intervals: str


@dataclass(frozen=True)
class Backtest:
    """A rolling-origin comparison of several models.

    Attributes:
        horizon: Steps of each window.
        season: Observations in one season, 1 for none.
        scores: The figures of each model, best first.
        windows: The windows, with all forecasts.
        judgement: What the windows show, and which model was chosen to forecast.
        verdict: The same in sentences.
        notes: Sentences about what was left out or sampled.
        widening: For levels whose intervals held less than chance explains, the factor by which those of the model that
            forecasts are widened.
        step: Steps from the cutoff of one window to the next, which overlap where it is less than ``horizon``.
        worth: What covariates are worth; None where there are none.
    """

    horizon: int
    season: int
    scores: tuple[Score, ...]
    windows: tuple[Window, ...]
    judgement: Judgement
    verdict: str
    notes: tuple[str, ...] = ()
    widening: Mapping[int, float] = field(default_factory=dict[int, float])
    step: int = field(kw_only=True)
    worth: Worth | None = None

    def score(self, model: str) -> Score:
        """The figures of one model; KeyError where it was not scored."""
        return {score.model: score for score in self.scores}[model]


def forecast_frame(forecast: Quantiles, panel: Panel, levels: Iterable[int]) -> pd.DataFrame:
    """One row per series and step: ``unique_id, ds, <Model>, <Model>-lo-80, <Model>-hi-80, ...``.

    panel: the history that was forecast; ids are whole numbers or floats where its table had them so. levels: percents
    of the central intervals to show.
    """
    horizon = forecast.values.shape[1]
    columns: dict[str, object] = {
        "unique_id": np.repeat(ids_of(panel), horizon),
        "ds": panel.future(horizon).ravel(),
    }
    return pd.DataFrame(columns | _columns(forecast, levels))


def total_frame(totals: Quantiles, panel: Panel, horizon: int, levels: Iterable[int]) -> pd.DataFrame:
    """One row per series: ``unique_id, from, to, <Model>, <Model>-lo-80, <Model>-hi-80, ...``.

    They are the times of the first and the last step of the horizon, and what all of it adds up to. panel, levels: as
    of `forecast_frame`.
    """
    times = panel.future(horizon)
    columns: dict[str, object] = {"unique_id": ids_of(panel), "from": times[:, 0], "to": times[:, -1]}
    return pd.DataFrame(columns | _columns(totals, levels))


def _columns(forecast: Quantiles, levels: Iterable[int]) -> dict[str, object]:
    """The median and the bounds."""
    columns: dict[str, object] = {forecast.model: forecast.median.ravel()}
    for level in levels:
        low, high = forecast.interval(level)
        columns |= {f"{forecast.model}-lo-{level}": low.ravel(), f"{forecast.model}-hi-{level}": high.ravel()}
    return columns


def ids_of(panel: Panel) -> NDArray[Any]:
    """The ids as the table had them, so that a forecast can be joined with it."""
    convert = {"text": str, "whole": int, "number": float}[panel.id_kind]
    ids: list[Any] = [convert(name) for name in panel.ids]
    if panel.id_kind == "text" or any(abs(number) >= 2**63 for number in ids):
        return np.array([*ids, None], object)[:-1]
    return np.array(ids)


@dataclass(frozen=True)
class Outcome:
    """What was read, what was forecast, and how far to trust it.

    panel: the S series as read. quantiles: the forecast of the same S series. levels: central intervals, percent.
    backtest: None where none was asked for. notes: what was inferred, repaired or decided, in sentences.
    source: the data's name for a title. command: the words that bring this outcome about again, or ''. totals: the
    forecast of the sums of the horizon, with values (S, 1, Q); None where none was asked for. newcomers: series without
    a history, and their forecast; None where none were named.
    """

    panel: Panel
    quantiles: Quantiles
    levels: tuple[int, ...]
    backtest: Backtest | None
    notes: tuple[str, ...]
    source: str
    command: str
    version: str
    totals: Quantiles | None = None
    newcomers: tuple[Panel, Quantiles] | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """The forecast as users get it, with that of series without a history at its end."""
        frame = forecast_frame(self.quantiles, self.panel, self.levels)
        if self.newcomers is None:
            return frame
        panel, quantiles = self.newcomers
        return pd.concat([frame, forecast_frame(quantiles, panel, self.levels)], ignore_index=True)

    @property
    def horizon(self) -> int:
        """Steps ahead."""
        return self.quantiles.values.shape[1]

    @property
    def span(self) -> NDArray[np.generic]:
        """The first and the last time of all series, shape (2,)."""
        ends = np.array([times[[0, -1]] for times in self.panel.times])
        return np.array([ends[:, 0].min(), ends[:, 1].max()])

    @property
    def model(self) -> str:
        """The name of the model that made the forecast."""
        return self.quantiles.model

    @property
    def verdict(self) -> str:
        """One sentence on how far the forecast may be trusted."""
        return self.backtest.verdict if self.backtest else "Not tested: there was no backtest."


def error_by_series(backtest: Backtest, model: str, count: int) -> Floats:
    """Mean absolute scaled error of the model in each of ``count`` series, shape (count,); NaN where undefined."""
    total, seen = np.zeros(count), np.zeros(count)
    for window in backtest.windows:
        error = mase(window.actual, window.forecasts[model].median, window.insample_scale)
        defined = np.isfinite(error)
        total[window.series[defined]] += error[defined]
        seen[window.series[defined]] += 1
    return np.divide(total, seen, out=np.full(count, np.nan), where=seen > 0)
