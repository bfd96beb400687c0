"""All that one run of ``gatewise forecast`` has to tell, before it is a table, a document or a page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...tables.panel import Floats, Panel
from .metrics import mase
from .results import Backtest, Quantiles


@dataclass(frozen=True)
class Outcome:
    """What was read, what was forecast, and how far to trust it.

    panel: the S series as read. quantiles: the forecast of the same S series. levels: central intervals, percent.
    backtest: None where none was asked for. notes: what was inferred, repaired or decided, in sentences.
    source: the data's name for a title. command: the words that bring this outcome about again.
    """

    panel: Panel
    quantiles: Quantiles
    levels: tuple[int, ...]
    backtest: Backtest | None
    notes: tuple[str, ...]
    source: str
    command: str
    version: str

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
