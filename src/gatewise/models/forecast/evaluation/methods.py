"""How each of statsforecast's models is made and asked; every model is one entry of a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....tables.panel import Floats
from ..model import Setup

Form = tuple[Any, ...]
"""What a search chose of a model, such as the order of an ARIMA."""

RECENT_OBSERVATIONS, RECENT_SEASONS = 1000, 4
RECENT_ARIMA = 300
"""Observations that costly models look at: they take seconds on ten thousand."""
LONGEST_ETS_SEASON = 24
"""AutoETS refuses seasonal states beyond this season (as R's forecast::ets does)."""
LONGEST_ARIMA_SEASON = 12
"""With longer ones a single fit takes seconds."""
ARIMA_SEARCH = {"max_p": 2, "max_q": 2, "max_P": 1, "max_Q": 1, "nmodels": 20}
"""The bounds of AutoARIMA's stepwise search, a third of the time of the usual ones."""
SMOOTHING = 0.1
"""Of demand and of its probability in TSB (Teunter, Syntetos & Babai 2011, doi:10.1016/j.ejor.2011.05.018)."""


@dataclass(frozen=True)
class Method:
    """A model of single series.

    quantiles: of one history, shape (horizon, Q), with the mean in the middle; a form that was found before saves the
    search. search: what the model would choose for a history. recent: observations that it looks at, 0 for all.
    longest_season: beyond which it runs without one. many_seasons: whether it has longer ones beside.
    """

    quantiles: Callable[[Floats, Setup, Form | None], Floats]
    search: Callable[[Floats, int], Form] | None = None
    recent: int = 0
    longest_season: float = float("inf")
    many_seasons: bool = False

    def season(self, setup: Setup) -> int:
        """The season that it is given."""
        return setup.season if setup.season <= self.longest_season else 1

    def looks_at(self, setup: Setup) -> int:
        """How many of the latest observations; 0 for all."""
        longest = setup.longer[-1] if self.many_seasons and setup.longer else setup.season
        return max(self.recent, RECENT_SEASONS * longest) if self.recent else 0


def _asked(model: Any, values: Floats, setup: Setup) -> Floats:
    """The mean and symmetric bounds of one of statsforecast's models."""
    percents = [round(100 - 200 * level, 4) for level in setup.levels if level < 0.5]
    answer = model.forecast(y=values, h=setup.horizon, level=percents or None)
    bounds = [*(f"lo-{p}" for p in percents), "mean", *(f"hi-{p}" for p in reversed(percents))]
    return np.stack([np.asarray(answer[bound], np.float64) for bound in bounds], axis=-1)


def _models() -> Any:
    from statsforecast import models

    return models


def _naive(values: Floats, setup: Setup, form: Form | None) -> Floats:
    return _asked(_models().Naive(), values, setup)


def _seasonal_naive(values: Floats, setup: Setup, form: Form | None) -> Floats:
    if len(values) <= setup.season:
        raise ValueError("there is no whole season")
    return _asked(_models().SeasonalNaive(setup.season), values, setup)


def _drift(values: Floats, setup: Setup, form: Form | None) -> Floats:
    return _asked(_models().RandomWalkWithDrift(), values, setup)


def _theta_form(values: Floats, season: int) -> Form:
    return (_models().AutoTheta(season_length=season).fit(values).model_["modeltype"],)


def _theta(values: Floats, setup: Setup, form: Form | None) -> Floats:
    from scipy.special import ndtri

    from .theta import theta_quantiles

    (kind,) = form or (None,)
    fitted = _models().AutoTheta(season_length=setup.season, model=kind).fit(values)
    return theta_quantiles(fitted.model_, setup.horizon, ndtri(np.array(setup.levels)))


def _ets_form(values: Floats, season: int) -> Form:
    components = _models().AutoETS(season_length=season).fit(values).model_["components"]
    return components[:3], components[3] != "N"


def _ets(values: Floats, setup: Setup, form: Form | None) -> Floats:
    kind, damped = form or ("ZZZ", None)
    return _asked(_models().AutoETS(season_length=setup.season, model=kind, damped=damped), values, setup)


def _arima_form(values: Floats, season: int) -> Form:
    fitted = _models().AutoARIMA(season_length=season, **ARIMA_SEARCH).fit(values).model_
    p, q, P, Q, _, d, D = fitted["arma"]
    return (p, d, q), (P, D, Q), "drift" in fitted["coef"], "intercept" in fitted["coef"]


def _arima(values: Floats, setup: Setup, form: Form | None) -> Floats:
    if form is None:
        return _asked(_models().AutoARIMA(season_length=setup.season, **ARIMA_SEARCH), values, setup)
    order, seasonal, drift, mean = form
    shape = {"order": order, "seasonal_order": seasonal, "season_length": setup.season}
    return _asked(_models().ARIMA(**shape, include_drift=drift, include_mean=mean), values, setup)


def _mstl(values: Floats, setup: Setup, form: Form | None) -> Floats:
    models = _models()
    seasons = [season for season in (setup.season, *setup.longer) if len(values) > 2 * season]
    return _asked(models.MSTL(season_length=seasons, trend_forecaster=models.AutoETS(model="ZZN")), values, setup)


def _demand(make: Callable[[Any], Any]) -> Callable[[Floats, Setup, Form | None], Floats]:
    from .intermittent import demand_quantiles

    def quantiles(values: Floats, setup: Setup, form: Form | None) -> Floats:
        rate = float(make(_models()).forecast(y=values, h=1)["mean"][0])
        return demand_quantiles(values, rate, setup.levels, setup.horizon)

    return quantiles


METHODS: dict[str, Method] = {
    "Naive": Method(_naive),
    "SeasonalNaive": Method(_seasonal_naive),
    "Drift": Method(_drift),
    "AutoTheta": Method(_theta, _theta_form, RECENT_OBSERVATIONS),
    "AutoETS": Method(_ets, _ets_form, RECENT_OBSERVATIONS, LONGEST_ETS_SEASON),
    "AutoARIMA": Method(_arima, _arima_form, RECENT_ARIMA, LONGEST_ARIMA_SEASON),
    "MSTL": Method(_mstl, recent=RECENT_OBSERVATIONS, many_seasons=True),
    "CrostonSBA": Method(_demand(lambda models: models.CrostonSBA())),
    "TSB": Method(_demand(lambda models: models.TSB(alpha_d=SMOOTHING, alpha_p=SMOOTHING))),
    "ADIDA": Method(_demand(lambda models: models.ADIDA())),
}
