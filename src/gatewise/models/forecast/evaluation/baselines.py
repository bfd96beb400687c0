"""The forecasters every network has to beat, from statsforecast, each behind the `Model` protocol."""

from __future__ import annotations

import warnings
from collections import defaultdict
from typing import Any

import numpy as np

from ....errors import InputError
from ....tables.panel import Floats, Panel
from ....words import count, few
from ..model import Setup
from ..results import Quantiles

# What is taken when a model cannot forecast a series, in this order.
FALLBACKS = ("SeasonalNaive", "Naive")

# AutoETS and AutoTheta take seconds on ten thousand observations; older ones hardly move their forecast.
COSTLY = ("AutoTheta", "AutoETS")
RECENT_OBSERVATIONS, RECENT_SEASONS = 1000, 4

# AutoETS refuses seasonal states beyond this season (as R's forecast::ets does).
LONGEST_ETS_SEASON = 24


class Baseline:
    """One of statsforecast's models: nothing is learned by `fit`; every forecast is made from the panel
    given.

    name: ``"Naive"``, ``"SeasonalNaive"``, ``"AutoTheta"`` or ``"AutoETS"``. The point forecast is the
    model's mean, which is the median of its symmetric intervals. A series the model cannot take is forecast
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
            forecast = _quantiles(model, values, self.setup)
            if forecast is not None:
                return model, forecast
        raise InputError(
            "its values are too large to compute with",
            where=f"series {name}",
            hint="give them in a larger unit",
        )

    def _notes(self, panel: Panel, taken: dict[str, list[str]]) -> tuple[str, ...]:
        notes = [
            f"{self.name} could not forecast {len(names):,} of {count(len(panel), 'series', 'series')} "
            f"({few(names)}): {model} stands in."
            for model, names in taken.items()
            if model != self.name
        ]
        recent = _recent(self.name, self.setup.season)
        if recent and (panel.lengths > recent).any():
            notes.append(f"{self.name} looked at no more than the latest {recent:,} observations of a series.")
        if _season(self.name, self.setup.season) != self.setup.season and self.name != "Naive":
            notes.append(f"{self.name} has no seasons longer than {LONGEST_ETS_SEASON} steps: it ran without one.")
        return tuple(notes)


def _quantiles(model: str, values: Floats, setup: Setup) -> Floats | None:
    """Quantile forecasts of one series, shape (horizon, Q); None where the model has none."""
    season = _season(model, setup.season)
    if model == "SeasonalNaive" and len(values) <= season:
        return None
    percents = [round(100 - 200 * level, 4) for level in setup.levels if level < 0.5]
    history = values[-recent:] if (recent := _recent(model, setup.season)) else values
    try:
        answer = _make(model, season).forecast(y=history, h=setup.horizon, level=percents or None)
    except Exception:  # statsforecast raises bare Exceptions, IndexErrors and more for short or odd series
        return None
    bounds = [*(f"lo-{p}" for p in percents), "mean", *(f"hi-{p}" for p in reversed(percents))]
    forecast = np.stack([np.asarray(answer[bound], np.float64) for bound in bounds], axis=-1)
    return _nested(forecast) if np.isfinite(forecast).all() else None


def _make(model: str, season: int) -> Any:
    from statsforecast import models

    kind = getattr(models, model)
    return kind() if model == "Naive" else kind(season_length=season)


def _season(model: str, season: int) -> int:
    """The season a model is given."""
    too_long = model == "AutoETS" and season > LONGEST_ETS_SEASON
    return 1 if too_long or model == "Naive" else season


def _recent(model: str, season: int) -> int:
    """How many of the latest observations a model looks at; 0 for all."""
    return max(RECENT_OBSERVATIONS, RECENT_SEASONS * season) if model in COSTLY else 0


def _nested(forecast: Floats) -> Floats:
    """Intervals widened, where simulation or rounding crossed them, until each holds the next and the
    mean."""
    middle = forecast.shape[-1] // 2
    lower = np.minimum.accumulate(forecast[..., middle::-1], axis=-1)[..., ::-1]
    upper = np.maximum.accumulate(forecast[..., middle:], axis=-1)
    return np.concatenate((lower, upper[..., 1:]), axis=-1)
