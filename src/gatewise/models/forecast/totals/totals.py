"""The total of the horizon of each series, with its own intervals."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ....errors import InputError, argument
from ....tables.panel import Floats, Panel
from ....words import count
from ..bounds import Bounds, bounded, floors
from ..evaluation.contestants import Contestant, common_history, forecast_all
from ..evaluation.design import Design
from ..model import Predictor, Setup
from ..results import Backtest, Quantiles
from .dependence import Dependence, standing
from .paths import PATHS, sums

MOST_SERIES, MOST_COSTLY = 20, 3
"""Series that are forecast again in windows of their past, where no backtest was; fewer where each takes seconds."""


@dataclass(frozen=True)
class Asked:
    """What forecast, and what it is told. contestant: its kind."""

    model: Predictor
    contestant: Contestant
    setup: Setup


def totals(forecast: Quantiles, panel: Panel, asked: Asked, backtest: Backtest | None) -> Quantiles:
    """The sums of the horizon of each series, with values (S, 1, Q), and a note on what they rest on.

    Each is the distribution of the sums of paths through the intervals of the forecast, whose steps hang together as
    the errors in the windows of the backtest did; without one the model forecasts windows of the past. The sum of the
    bounds of the steps would hold far too much, unless errors added up like those of one step.
    """
    if len(forecast.levels) < 2:
        raise without_levels()
    tested = backtest is not None and forecast.model in backtest.windows[0].forecasts
    dependence = _of_backtest(backtest, forecast.model) if backtest and tested else _of_past(panel, asked)
    bounds, lowest = asked.setup.bounds, floors(panel)
    drawn = sums(forecast.values, normal_scores(forecast.levels), dependence, bounds.lowest(lowest), bounds.high)
    values = np.quantile(drawn, forecast.levels, axis=1).T[:, None]
    made = Quantiles(forecast.model, forecast.levels, values, (_note(dependence),))
    return bounded(made, np.full(len(panel), -np.inf), Bounds(whole=bounds.whole))


def without_levels() -> InputError:
    """What is wrong where no interval is asked for."""
    return InputError("a total has its interval from those of the steps", hint=f"give {argument('level', 80)}")


def _note(dependence: Dependence) -> str:
    total = f"Totals are sums of {PATHS:,} paths"
    if not dependence.windows:
        return f"{total}. There is no room for windows of the past, which would show how far errors of steps add up."
    return f"{total} whose steps hang together as the errors in {count(dependence.windows, 'window')} did."


def normal_scores(levels: tuple[float, ...]) -> Floats:
    """What these probabilities are of a standard normal."""
    return np.array([NormalDist().inv_cdf(level) for level in levels])


def _of_backtest(backtest: Backtest, model: str) -> Dependence:
    windows = backtest.windows
    actual = np.concatenate([window.actual for window in windows])
    values = np.concatenate([window.forecasts[model].values for window in windows])
    return _learned(actual, values, windows[0].forecasts[model].levels, backtest.step)


def _of_past(panel: Panel, asked: Asked) -> Dependence:
    setup, kind = asked.setup, asked.contestant
    horizon, needs = setup.horizon, max(asked.model.needs, common_history(setup))
    design = Design.of(horizon)
    dear = kind.costly or kind.informed or kind.pools is not None
    able = np.flatnonzero(panel.lengths >= needs + horizon)
    most = MOST_COSTLY if dear else MOST_SERIES
    rows = able[np.unique(np.linspace(0, len(able) - 1, min(len(able), most)).round().astype(np.int64))]
    actual, values = [np.empty((0, horizon))], [np.empty((0, horizon, len(setup.levels)))]
    for steps in design.origins(design.held_back):
        reach = rows[panel.lengths[rows] >= needs + steps]
        if len(reach):
            some = panel.select(reach)
            values.append(forecast_all(asked.model, some.without_last(steps), setup).values)
            actual.append(np.stack([one[len(one) - steps :][:horizon] for one in some.observed]))
    return _learned(np.concatenate(actual), np.concatenate(values), setup.levels, design.step)


def _learned(actual: Floats, values: Floats, levels: tuple[float, ...], step: int) -> Dependence:
    whole = ~np.isnan(actual).any(axis=1)
    errors = standing(actual[whole], values[whole], normal_scores(levels))
    return Dependence.of(errors, actual.shape[1] / step)
