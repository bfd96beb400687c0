"""The forecasters every network has to beat, from statsforecast, each behind the `Model` protocol."""

from __future__ import annotations

import warnings
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

from ....errors import InputError
from ....tables.panel import Floats, Panel
from ....words import count, few
from ..model import Setup
from ..results import Quantiles
from .methods import METHODS, Form, Method

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
        from statsforecast import models as _  # noqa: F401 - slow to import: not while a forecast is timed

        self.name, self.setup = name, setup

    def fit(self, panel: Panel) -> None:
        """Do nothing: these models are fitted whenever they forecast."""

    def predict(self, panel: Panel) -> Quantiles:
        """Forecast each series on its own; raises InputError for values beyond float64 arithmetic."""
        forecasts: list[Floats] = []
        taken: dict[str, list[str]] = defaultdict(list)
        progress = self.setup.progress
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for number, (name, values) in enumerate(zip(panel.ids, panel.values, strict=True)):
                used, forecast = self._series(name, values)
                forecasts.append(forecast)
                taken[used].append(name)
                if progress:
                    progress((number + 1) / len(panel), f"{self.name} {number + 1} of {len(panel)} series")
        return Quantiles(self.name, self.setup.levels, np.stack(forecasts), self._notes(panel, taken))

    def following(self) -> Baseline:
        """Itself: nothing is remembered."""
        return self

    def state(self) -> tuple[dict[str, Any], dict[str, object]]:
        """Nothing beyond the setup, which the model file holds already."""
        return {}, {}

    def _series(self, name: str, values: Floats) -> tuple[str, Floats]:
        """The model used and its quantiles, shape (horizon, Q)."""
        for model in (self.name, *FALLBACKS):
            forecast = self._quantiles(model, name, values)
            if forecast is not None:
                return model, forecast
        raise InputError(
            "its values are too large to compute with",
            where=f"series {name}",
            hint="give them in a larger unit",
        )

    def _quantiles(self, model: str, name: str, values: Floats) -> Floats | None:
        """Quantile forecasts of one series, shape (horizon, Q); None where the model has none."""
        method = METHODS[model]
        told = replace(self.setup, season=method.season(self.setup))
        values = values[-recent:] if (recent := method.looks_at(self.setup)) else values
        try:
            forecast = method.quantiles(values, told, self._form(method, name, values, told.season))
        except Exception:  # statsforecast raises bare Exceptions, IndexErrors and more for short or odd series
            return None
        return _nested(forecast) if np.isfinite(forecast).all() else None

    def _form(self, method: Method, name: str, values: Floats, season: int) -> Form | None:
        """What was found of the model before; None where it searches in every forecast."""
        return None

    def _notes(self, panel: Panel, taken: dict[str, list[str]]) -> tuple[str, ...]:
        notes = [
            f"{self.name} could not forecast {len(names):,} of {count(len(panel), 'series', 'series')} "
            f"({few(names)}): {model} stands in."
            for model, names in taken.items()
            if model != self.name
        ]
        method = METHODS[self.name]
        recent = method.looks_at(self.setup)
        if recent and (panel.lengths > recent).any():
            notes.append(f"{self.name} looked at no more than the latest {recent:,} observations of a series.")
        if method.season(self.setup) != self.setup.season:
            notes.append(
                f"{self.name} has no seasons longer than {method.longest_season:.0f} steps: it ran without one."
            )
        return tuple(notes)


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


def _nested(forecast: Floats) -> Floats:
    """Intervals widened, where rounding or a history crossed them, until each holds the next and the mean."""
    middle = forecast.shape[-1] // 2
    lower = np.minimum.accumulate(forecast[..., middle::-1], axis=-1)[..., ::-1]
    upper = np.maximum.accumulate(forecast[..., middle:], axis=-1)
    return np.concatenate((lower, upper[..., 1:]), axis=-1)
