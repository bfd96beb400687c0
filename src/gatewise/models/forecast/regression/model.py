"""The regression as a contestant: covariates say what they can, and the pretrained network forecasts what they leave.

Two stages, as in regression with errors that are themselves a time series (fpp3 10).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

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


class Regressed(NamedTuple):
    """One series up to its end, regressed on a scale."""

    scale: Scale
    history: History
    fit: Fit

    def ahead(self, history: History) -> Floats:
        """What the regression gives for the steps ahead of a history, on the scale, (horizon,)."""
        return self.fit.values(history, history.length, len(history.times))


class Regression(BySeries):
    """Each series regressed on its calendar and covariates, and the network's forecast of what is left added."""

    name = "Regression"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.needs = max(FEWEST, 2 * setup.season + 2)
        self._network = pretrained()

    def _series(self, panel: Panel, row: int) -> Floats:
        one = self.regressed(panel, row)
        return one.scale.leave(one.ahead(one.history)[:, None] + self._rest(one))

    def credits(self, panel: Panel) -> list[Credits]:
        """What makes the median forecast of each series, before it is kept within bounds."""
        found: list[Credits] = []
        for own in alone(panel):
            one = self.regressed(own, 0)
            found.append(Credits.of(one.fit, one.history, one.scale, self._median_rest(one)))
        return found

    def regressed(self, panel: Panel, row: int) -> Regressed:
        """The regression of a series of a panel that `alone` gives."""
        scale, history = self._opened(panel, row)
        return Regressed(scale, history, Fit.of(history, panel.covariates, self.seasons))

    def median_of(self, one: Regressed) -> Callable[[History], Floats]:
        """The median forecast (horizon,) by what is known of the steps ahead of the history."""
        rest = self._median_rest(one)
        return lambda history: one.scale.leave(one.ahead(history) + rest)

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

    def _rest(self, one: Regressed) -> Floats:
        """The network's quantiles (horizon, Q) of what the regression leaves."""
        (found,) = forecast(self._network, [self.left(one.fit, one.history)], *self.seasons, self.setup.horizon)
        return found @ between(self.setup.levels).T

    def _median_rest(self, one: Regressed) -> Floats:
        return self._rest(one)[:, self.setup.levels.index(0.5)]


class RefittedRegression(Regression):
    """The regression laid out once for each series, by its first history, and refitted to each longer one."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._fits: dict[str, tuple[Scale, Fit]] = {}

    def regressed(self, panel: Panel, row: int) -> Regressed:
        """As `Regression.regressed`, of a series that is known by its name."""
        name = panel.ids[row]
        if name in self._fits:
            scale, fit = self._fits[name]
            _, history = self._opened(panel, row, scale)
            one = Regressed(scale, history, fit.extended(history))
        else:
            one = super().regressed(panel, row)
        self._fits[name] = one.scale, one.fit
        return one


class RollingRegression(RefittedRegression):
    """The regression in a backtest, where it also forecasts with what each covariate was at other times."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._shuffling = Shuffling(setup)

    def predict(self, panel: Panel) -> Quantiles:
        """As `Regression.predict`, with `Quantiles.shuffled`."""
        return self._shuffling.beside(super().predict(panel))

    def _series(self, panel: Panel, row: int) -> Floats:
        one = self.regressed(panel, row)
        rest = self._rest(one)
        tried = [Tried(block.name, block.index, block.lag) for block in one.fit.layout.blocks]
        middle = rest[:, self.setup.levels.index(0.5)]
        self._shuffling.add(one.history, tried, lambda other: one.scale.leave(one.ahead(other) + middle))
        return one.scale.leave(one.ahead(one.history)[:, None] + rest)
