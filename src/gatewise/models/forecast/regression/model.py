"""The regression as a contestant: covariates say what they can, and the pretrained network forecasts what they leave.

Two stages, as in regression with errors that are themselves a time series (fpp3 10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ....tables.panel import Floats, Panel
from ..model import Predictor, Setup
from ..pretrained.model import between, forecast, furthest, second_of
from ..pretrained.weights import pretrained
from ..results import Quantiles
from .fitting import Fit
from .layout import History
from .scale import Scale

if TYPE_CHECKING:
    from torch import Tensor

NAME = "Regression"
FEWEST = 20
"""Observations from which anything can be regressed."""
DRAWS = 5
"""Times that a covariate is replaced by what it was at another time."""


class Regression:
    """Each series regressed on its calendar and covariates, and the network's forecast of what is left added.

    Nothing is learned by `fit`; every forecast is made from the panel given.
    """

    name = NAME

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.needs = max(FEWEST, 2 * setup.season + 2)
        self._network = pretrained()

    def fit(self, panel: Panel) -> None:
        """Do nothing: series are regressed whenever they are forecast."""

    def predict(self, panel: Panel) -> Quantiles:
        """Forecast after the end of every series, for which its covariates must be known that far."""
        found = [self._series(panel, row) for row in range(len(panel))]
        return Quantiles(self.name, self.setup.levels, np.stack(found))

    def following(self) -> Predictor:
        """Itself: nothing is remembered."""
        return self

    def state(self) -> tuple[Mapping[str, Tensor], Mapping[str, object]]:
        """Nothing beyond the setup, which the model file holds already."""
        return {}, {}

    def _series(self, panel: Panel, row: int) -> Floats:
        """The quantiles of one series, (horizon, Q)."""
        scale, history = self._opened(panel, row)
        fit = Fit.of(history, panel.covariates, self._seasons)
        return scale.leave(self._forecast(fit, history))

    @property
    def _seasons(self) -> tuple[int, int]:
        return self.setup.season, second_of(self.setup)

    def _opened(self, panel: Panel, row: int) -> tuple[Scale, History]:
        values = panel.observed[row]
        scale = Scale.of(values)
        return scale, History.of(panel, row, scale.enter(values), self.setup.horizon)

    def _forecast(self, fit: Fit, history: History) -> Floats:
        """Quantiles (horizon, Q), on the scale."""
        season, second = self._seasons
        start = max(history.length - furthest(season, second), 0)
        given = fit.values(history, start, len(history.times))
        left = history.values[start:] - given[: history.length - start]
        (found,) = forecast(self._network, [left], season, second, self.setup.horizon)
        return given[history.length - start :, None] + found @ between(self.setup.levels).T


class RollingRegression(Regression):
    """The regression in a backtest: laid out once for each series, by its first history, and refitted at each cutoff.

    It also forecasts with the values of each covariate replaced by those of other times, to see what it is worth.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._fits: dict[str, tuple[Scale, Fit]] = {}
        self._shuffled: list[dict[str, Floats]] = []

    def predict(self, panel: Panel) -> Quantiles:
        """As `Regression.predict`, with `Quantiles.shuffled`."""
        self._shuffled = []
        found = super().predict(panel)
        names = dict.fromkeys(name for one in self._shuffled for name in one)
        median = found.median
        shuffled = {
            name: np.stack(
                [one.get(name, np.tile(median[row], (DRAWS, 1))) for row, one in enumerate(self._shuffled)], 1
            )
            for name in names
        }
        return replace(found, shuffled=shuffled)

    def _series(self, panel: Panel, row: int) -> Floats:
        name = panel.ids[row]
        if name in self._fits:
            scale, fit = self._fits[name]
            values = scale.enter(panel.observed[row])
            history = History.of(panel, row, values, self.setup.horizon)
            fit = fit.extended(history)
        else:
            scale, history = self._opened(panel, row)
            fit = Fit.of(history, panel.covariates, self._seasons)
        self._fits[name] = scale, fit
        found = self._forecast(fit, history)
        self._shuffled.append(self._without(fit, history, scale, found[:, self.setup.levels.index(0.5)]))
        return scale.leave(found)

    def _without(self, fit: Fit, history: History, scale: Scale, median: Floats) -> dict[str, Floats]:
        """The median forecasts (DRAWS, horizon) with what each covariate was at other times of the same season."""
        length, horizon = history.length, self.setup.horizon
        given = fit.values(history, length, length + horizon)
        step = max(self._seasons) if max(self._seasons) * 3 < length else self.setup.season
        rng = np.random.default_rng(self.setup.seed)
        found: dict[str, Floats] = {}
        for block in fit.layout.blocks:
            start = length - block.lag
            most = (start - horizon) // step
            draws = rng.integers(-(-horizon // step), most + 1, DRAWS) if most * step >= horizon else np.zeros(0, int)
            changed = [_replaced(history, block.index, start, int(back) * step, horizon) for back in draws]
            moved = [fit.values(one, length, length + horizon) - given for one in changed]
            if moved:
                found[block.name] = scale.leave(median + np.stack(moved))
        return found


def _replaced(history: History, column: int, start: int, back: int, horizon: int) -> History:
    """The history with the covariate at these steps as it was so many steps before."""
    known = history.known.copy()
    known[start : start + horizon, column] = history.known[start - back : start - back + horizon, column]
    return replace(history, known=known)
