"""Errors of models beside each other, window by window, with a standard error that knows that windows overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ....tables.panel import Floats
from ..metrics import over_steps
from ..results import Window

# A series in which one model errs less than this share of the other's error, or more than its inverse, counts as this:
# a single one that the naive forecast happens to meet exactly decides nothing.
LEAST_RATIO = 0.01


@dataclass(frozen=True)
class Difference:
    """How far a model is ahead of a rival.

    lead: mean over series of the logarithm of the rival's error over the model's. standard_error: of the lead; infinite
    where it cannot be told. freedom: degrees of freedom of the standard error. won: the share of windows and series in
    which the model erred less, ties by half.
    """

    lead: float
    standard_error: float
    freedom: float
    won: float

    @property
    def ahead(self) -> bool:
        """Whether the lead is more than one standard error, and the model better in most windows."""
        return self.lead > self.standard_error and self.won > 0.5

    @property
    def chance(self) -> float:
        """How probable such a lead is between equally good models: the one-sided p-value of a t test."""
        from scipy.stats import t

        if self.standard_error == 0 or not np.isfinite(self.standard_error):
            return 0.0 if self.lead > 0 and self.standard_error == 0 else 1.0
        return float(t.sf(self.lead / self.standard_error, self.freedom))


@dataclass(frozen=True)
class Errors:
    """Mean absolute error of each model in K windows and S series.

    models: each (K, S), simplest model first. members: for networks that come of chance, what single ones of their
    ensemble had, (M, K, S). observed: bool (K, S), where there was anything to forecast. overlap: how many of the
    windows after it a window shares steps with.
    """

    models: Mapping[str, Floats]
    members: Mapping[str, Floats]
    observed: NDArray[np.bool_]
    overlap: int = 0

    @classmethod
    def of(cls, windows: Sequence[Window], step: int) -> Errors:
        """The errors in these windows, which begin ``step`` steps apart."""
        horizon = windows[0].actual.shape[1]
        names = list(windows[0].forecasts)
        observed = np.stack([~np.isnan(window.actual).all(axis=1) for window in windows])
        errors = {
            name: np.stack([_error(window, window.forecasts[name].median) for window in windows]) for name in names
        }
        members = {
            name: np.stack([_of_members(window, name) for window in windows], axis=1)
            for name in names
            if windows[0].forecasts[name].members is not None
        }
        return cls(errors, members, observed, -(-horizon // step) - 1)

    def without(self, window: int) -> Errors:
        """The errors in all windows that share no step with this one."""
        kept = np.abs(np.arange(len(self.observed)) - window) > self.overlap
        return replace(
            self,
            models={name: errors[kept] for name, errors in self.models.items()},
            members={name: errors[:, kept] for name, errors in self.members.items()},
            observed=self.observed[kept],
        )

    def log_ratios(self, model: str, reference: str) -> Floats:
        """For each series the logarithm of the model's error over the reference's; +inf for what is no number, (S,)."""
        return log_ratios(self._total(self.models[model]), self._total(self.models[reference]))[self._scored]

    def spread(self, model: str, reference: str) -> Floats:
        """The ratios that `relative` is a mean of: of each series, or of each window where there is one series."""
        if self._scored.sum() > 1:
            return np.exp(self.log_ratios(model, reference))
        mine, other = (self.models[name][self.observed] for name in (model, reference))
        return np.exp(log_ratios(mine, other))

    def relative(self, model: str, reference: str) -> float:
        """Geometric mean over series of the ratio of both errors (AvgRelMAE, Davydenko & Fildes 2013)."""
        logs = self.log_ratios(model, reference)
        return float(np.exp(logs.mean())) if logs.size else float("nan")

    def best(self, model: str) -> Floats:
        """1 for each scored series in which no model errs less, else 0, (S,)."""
        totals = np.stack([self._total(errors) for errors in self.models.values()])[:, self._scored]
        least = np.where(np.isnan(totals), np.inf, totals).min(axis=0, initial=np.inf)
        return (self._total(self.models[model])[self._scored] <= least).astype(np.float64)

    def difference(self, model: str, rival: str) -> Difference:
        """How far the model is ahead of the rival.

        The variance is that over series, what the windows add that all series share, and that between the members of
        an ensemble, which other seeds would give again. In windows it is that of Diebold & Mariano (1995) with the
        correction of Harvey, Leybourne & Newbold (1997), which counts windows that overlap for less than one. The
        degrees of freedom are those of Welch (1947).
        """
        logs = self.log_ratios(rival, model)
        lead = float(logs.mean()) if logs.size else 0.0
        if not np.isfinite(lead):
            return Difference(lead, 0.0, 1.0, float(lead > 0))
        apart = self._shares(rival) - self._shares(model)
        parts = [*self._sampling(logs, apart), *self._chance(model), *self._chance(rival)]
        variance = sum(part for part, _ in parts)
        freedom = 1 / sum((part / variance) ** 2 / free for part, free in parts) if variance else 1.0
        error = float(np.sqrt(variance)) if parts else float("inf")
        return Difference(lead, error, float(freedom), self._won(model, rival))

    @property
    def _scored(self) -> NDArray[np.bool_]:
        """Which series have anything observed, (S,)."""
        return np.asarray(self.observed.any(axis=0))

    def _total(self, errors: Floats) -> Floats:
        """Mean over windows, (..., S); NaN where an observed one is no number."""
        counts = np.maximum(self.observed.sum(axis=0), 1)
        return np.where(self.observed, errors, 0.0).sum(axis=-2) / counts

    def _shares(self, model: str) -> Floats:
        """Each window's error in units of the mean over windows, (K, S); 1 where there is no error at all."""
        errors, total = self.models[model], self._total(self.models[model])
        shares = np.divide(errors, total, out=np.ones_like(errors), where=total > 0)
        return np.where(self.observed, shares, 1.0)[:, self._scored]

    def _sampling(self, logs: Floats, apart: Floats) -> list[tuple[float, float]]:
        """Variances of a mean over series and windows, with their degrees of freedom. apart: (K, S)."""
        windows, series = apart.shape
        parts: list[tuple[float, float]] = []
        if series > 1:
            parts.append((float(logs.var(ddof=1)) / series, series - 1))
        if windows > 1:
            shared = variance_of_mean(apart.mean(axis=1), self.overlap)
            alone = variance_of_mean(apart, self.overlap).sum() / series**2 if series > 1 else 0.0
            parts.append((max(float(shared - alone), 0.0), windows - 1))
        return parts

    def _chance(self, model: str) -> list[tuple[float, float]]:
        """The variance that a network's seed adds to the logarithm of its error: of one member, over their number."""
        if model not in self.members or len(self.members[model]) < 2:
            return []
        totals = self._total(self.members[model])[:, self._scored]
        logs = np.log(np.maximum(totals, np.finfo(float).tiny)).mean(axis=1)
        return [(float(logs.var(ddof=1)) / len(logs), len(logs) - 1)]

    def _won(self, model: str, rival: str) -> float:
        mine, other = (self.models[name][self.observed] for name in (model, rival))
        return float(np.mean((mine < other) + 0.5 * (mine == other))) if mine.size else 0.5


def log_ratios(errors: Floats, reference: Floats) -> Floats:
    """Logarithms of the ratios, kept within bounds; 0 where neither errs, +inf where the errors are no number."""
    both = (errors == 0) & (reference == 0)
    ratio = np.divide(errors, reference, out=np.full(len(errors), np.inf), where=reference > 0)
    bounded = np.clip(np.where(both, 1.0, ratio), LEAST_RATIO, 1 / LEAST_RATIO)
    logs = np.where(np.isnan(errors), np.inf, np.log(bounded))
    return np.where(np.isnan(reference) & ~np.isnan(errors), -np.inf, logs)


def variance_of_mean(values: Floats, overlap: int) -> Floats:
    """Variance of the mean of K consecutive values along the first axis, each correlated with ``overlap`` neighbours.

    Never less than that of values that are not correlated.
    """
    count = len(values)
    lags = min(overlap, count - 1)
    apart = values - values.mean(axis=0)
    products = [(apart[lag:] * apart[: count - lag]).sum(axis=0) / count for lag in range(lags + 1)]
    plain = products[0] / (count - 1)
    steps = lags + 1
    correction = (count + 1 - 2 * steps + steps * lags / count) / count
    if correction <= 0:
        return plain * steps
    return np.maximum((products[0] + 2 * sum(products[1:])) / count / correction, plain)


def _error(window: Window, forecast: Floats) -> Floats:
    """Mean absolute error of each series, (S,)."""
    return over_steps(np.abs(window.actual - forecast), window.actual)


def _of_members(window: Window, name: str) -> Floats:
    """What single members of an ensemble had, (M, S)."""
    members = window.forecasts[name].members
    assert members is not None
    return np.stack([_error(window, member) for member in members])
