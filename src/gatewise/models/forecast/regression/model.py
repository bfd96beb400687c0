"""The regression as a contestant: covariates say what they can, and the pretrained network forecasts what they leave.

Two stages, as in regression with errors that are themselves a time series (fpp3 10).
"""

from __future__ import annotations

from ....tables.panel import Floats, Panel
from ..model import Setup
from ..pretrained.model import between, forecast, furthest, seasons_shown
from ..pretrained.weights import pretrained
from ..results import Quantiles
from .by_series import BySeries, Shuffling, Tried, alone
from .credits import Credits
from .fitting import Fit
from .layout import History
from .scale import Scale

FEWEST = 20
"""Observations from which anything can be regressed."""


class Regression(BySeries):
    """Each series regressed on its calendar and covariates, and the network's forecast of what is left added."""

    name = "Regression"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.needs = max(FEWEST, 2 * setup.season + 2)
        self._network = pretrained()

    def _series(self, panel: Panel, row: int) -> Floats:
        scale, history = self._opened(panel, row)
        fit = Fit.of(history, panel.covariates, self.seasons)
        return scale.leave(self._forecast(fit, history))

    def credits(self, panel: Panel) -> list[Credits]:
        """What makes the median forecast of each series, before it is kept within bounds."""
        found: list[Credits] = []
        for own in alone(panel):
            scale, history, fit = self.regressed(own)
            rest = self._rest(fit, history)[:, self.setup.levels.index(0.5)]
            found.append(Credits.of(fit, history, scale, rest))
        return found

    def regressed(self, panel: Panel) -> tuple[Scale, History, Fit]:
        """The regression of a panel's only series, as `alone` gives it."""
        scale, history = self._opened(panel, 0)
        return scale, history, Fit.of(history, panel.covariates, self.seasons)

    def left(self, fit: Fit, history: History) -> Floats:
        """What the regression leaves of the latest observations, which the network reads, on the scale."""
        start = max(history.length - furthest(*self.seasons), 0)
        return history.values[start:] - fit.values(history, start, history.length)

    @property
    def seasons(self) -> tuple[int, int]:
        """The season that regression and network are told, and a longer one."""
        return seasons_shown(self.setup)

    def _opened(self, panel: Panel, row: int, scale: Scale | None = None) -> tuple[Scale, History]:
        values = panel.observed[row]
        scale = Scale.of(values) if scale is None else scale
        return scale, History.of(panel, row, scale.enter(values), self.setup.horizon)

    def _forecast(self, fit: Fit, history: History) -> Floats:
        """Quantiles (horizon, Q), on the scale."""
        return fit.values(history, history.length, len(history.times))[:, None] + self._rest(fit, history)

    def _rest(self, fit: Fit, history: History) -> Floats:
        """The network's quantiles (horizon, Q) of what the regression leaves."""
        (found,) = forecast(self._network, [self.left(fit, history)], *self.seasons, self.setup.horizon)
        return found @ between(self.setup.levels).T


class RollingRegression(Regression):
    """The regression in a backtest: laid out once for each series, by its first history, and refitted at each cutoff.

    It also forecasts with the values of each covariate replaced by those of other times, to see what it is worth.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._fits: dict[str, tuple[Scale, Fit]] = {}
        self._shuffling = Shuffling(setup)

    def predict(self, panel: Panel) -> Quantiles:
        """As `Regression.predict`, with `Quantiles.shuffled`."""
        return self._shuffling.beside(super().predict(panel))

    def _series(self, panel: Panel, row: int) -> Floats:
        name = panel.ids[row]
        if name in self._fits:
            scale, fit = self._fits[name]
            _, history = self._opened(panel, row, scale)
            fit = fit.extended(history)
        else:
            scale, history = self._opened(panel, row)
            fit = Fit.of(history, panel.covariates, self.seasons)
        self._fits[name] = scale, fit
        found = self._forecast(fit, history)
        self._shuffle(fit, history, scale, found[:, self.setup.levels.index(0.5)])
        return scale.leave(found)

    def _shuffle(self, fit: Fit, history: History, scale: Scale, median: Floats) -> None:
        steps = history.length, len(history.times)
        given = fit.values(history, *steps)
        tried = [Tried(block.name, block.index, block.lag) for block in fit.layout.blocks]
        self._shuffling.add(history, tried, lambda other: scale.leave(median + fit.values(other, *steps) - given))
