"""The forecasters every network has to beat, from statsforecast, each behind the `Model` protocol."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ....errors import InputError
from ....tables.panel import Floats, Panel
from ....words import count, few
from ..model import Setup
from ..results import Quantiles
from .calibration import nested
from .methods import METHODS, Form, Method
from .naive import TOGETHER

# What is taken when a model cannot forecast a series, in this order.
FALLBACKS = ("SeasonalNaive", "Naive")


class Baseline:
    """One of statsforecast's models: nothing is learned by `fit`; every forecast is made from the panel
    given.

    name: one of ``METHODS``. The point forecast is the model's mean. A series the model cannot take is forecast
    by the seasonal naive, or the naive where there is no whole season, and counted in the notes.
    """

    needs = 1

    def __init__(self, name: str, setup: Setup) -> None:
        if name not in TOGETHER:
            from statsforecast import models as _  # noqa: F401 - slow to import: not while a forecast is timed

        self.name, self.setup = name, setup

    def fit(self, panel: Panel) -> None:
        """Do nothing: these models are fitted whenever they forecast."""

    def predict(self, panel: Panel) -> Quantiles:
        """Forecast each series on its own; raises InputError for values beyond float64 arithmetic."""
        forecasts = np.full((len(panel), self.setup.horizon, len(self.setup.levels)), np.nan)
        rows, taken = np.arange(len(panel)), dict[str, list[int]]()
        for model in (self.name, *FALLBACKS):
            forecasts[rows] = self._quantiles(model, panel.select(rows))
            done = np.isfinite(forecasts[rows]).all(axis=(1, 2))
            taken.setdefault(model, []).extend(rows[done].tolist())
            rows = rows[~done]
            if not len(rows):
                return self._forecast(panel, forecasts, taken)
        raise InputError(
            "its values are too large to compute with",
            where=f"series {panel.ids[rows[0]]}",
            hint="give them in a larger unit",
        )

    def following(self) -> Baseline:
        """Itself: nothing is remembered."""
        return self

    def state(self) -> tuple[dict[str, Any], dict[str, object]]:
        """Nothing beyond the setup, which the model file holds already."""
        return {}, {}

    def _quantiles(self, model: str, panel: Panel) -> Floats:
        """Nested quantiles (S, horizon, Q); not finite where the model has none."""
        told = replace(self.setup, season=METHODS[model].season(self.setup))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            if model in TOGETHER:
                return nested(TOGETHER[model](panel.values, told))
            return np.stack(list(self._one_by_one(METHODS[model], panel, told)))

    def _one_by_one(self, method: Method, panel: Panel, told: Setup) -> Iterator[Floats]:
        recent, progress = method.looks_at(self.setup), self.setup.progress
        for number, (name, values) in enumerate(zip(panel.ids, panel.values, strict=True), start=1):
            values = values[-recent:] if recent else values
            try:
                yield nested(method.quantiles(values, told, self._form(method, name, values, told.season)))
            except Exception:  # statsforecast raises bare Exceptions, IndexErrors and more for short or odd series
                yield np.full((told.horizon, len(told.levels)), np.nan)
            if progress:
                progress(number / len(panel), f"{self.name} {number} of {len(panel)} series")

    def _form(self, method: Method, name: str, values: Floats, season: int) -> Form | None:
        """What was found of the model before; None where it searches in every forecast."""
        return None

    def _forecast(self, panel: Panel, values: Floats, taken: Mapping[str, list[int]]) -> Quantiles:
        """taken: the rows that each model forecast."""
        stand_ins = [(model, rows) for model, rows in taken.items() if rows and model != self.name]
        names = {
            model: tuple(panel.ids[row] for row in rows)
            for model, rows in sorted(stand_ins, key=lambda stand_in: stand_in[1])
        }
        notes = [
            f"{self.name} could not forecast {len(ids):,} of {count(len(panel), 'series', 'series')} "
            f"({few(ids)}): {model} stands in."
            for model, ids in names.items()
        ]
        told = {f"{self.name} could not forecast it: {model} stands in": ids for model, ids in names.items()}
        return Quantiles(self.name, self.setup.levels, values, (*notes, *self._limits(panel)), stand_ins=told)

    def _limits(self, panel: Panel) -> Iterator[str]:
        """Notes on what the model does not look at."""
        method = METHODS[self.name]
        recent = method.looks_at(self.setup)
        if recent and (panel.lengths > recent).any():
            yield (f"{self.name} looked at no more than the latest {recent:,} observations of a series.")
        if method.season(self.setup) != self.setup.season:
            yield (f"{self.name} has no seasons longer than {method.longest_season:.0f} steps: it ran without one.")


class RollingBaseline(Baseline):
    """A baseline in a backtest: of each series it searches the form of its model once, in the first history.

    What it finds is fitted again at each cutoff, at a fraction of the cost.
    """

    def __init__(self, name: str, setup: Setup) -> None:
        super().__init__(name, setup)
        self._found: dict[str, Form] = {}

    def _form(self, method: Method, name: str, values: Floats, season: int) -> Form | None:
        if method is not METHODS[self.name] or method.search is None:
            return None
        if name not in self._found:
            self._found[name] = method.search(values, season)
        return self._found[name]
