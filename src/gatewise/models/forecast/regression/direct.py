"""The next season regressed directly on the latest ones and on covariates, over several stretches of the past.

What it is regressed on, the scale and the mean over short and long stretches are those of the LEAR model of electricity
prices (Lago, Marcjasz, De Schutter & Weron 2021, doi:10.1016/j.apenergy.2021.116983). In place of its lasso, short
stretches have a linear kernel, and long ones a bell beside it, which learns how influences depend on each other. The
regression of single steps, with the network for what it leaves, counts beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ....tables.covariates import Covariates
from ....tables.panel import Floats, Panel
from ..model import Setup
from ..results import Quantiles
from .by_series import BySeries, Shuffling, Tried
from .kernel import Kernel, Learned, Rows
from .layout import History
from .model import RefittedRegression, Regression
from .scale import Asinh
from .seasons import FURTHEST, Seasons

LINEAR = Kernel(linear=1.0, bell=0.0, width=1.0, penalty=0.1)
NARROW = Kernel(linear=0.1, bell=1.0, width=4.0, penalty=0.05)
WIDE = Kernel(linear=0.2, bell=1.0, width=8.0, penalty=0.03)
REGRESSED = 0.2
"""How much the forecast of `Regression`, which knows more of the calendar and of long waves, counts beside these."""
STRETCHES = ((56, (LINEAR,), 1), (84, (LINEAR,), 1), (728, (NARROW, WIDE), 1), (1456, (NARROW, WIDE), 2))
"""Seasons that are learned from, by which kernels, and how much each of these counts in the forecast."""
RECENT = 364
"""Seasons whose errors, each of a season left out, tell how far a forecast may be off."""
FEWEST = 84


class Stretch(NamedTuple):
    """What one stretch has learned. scale, scales: of the target, and of the covariates, known ones first."""

    learned: list[Learned]
    seasons: Seasons
    scale: Asinh
    scales: list[Asinh]
    weight: float

    @classmethod
    def of(cls, seasons: Seasons, kernels: Sequence[Kernel], weight: float) -> Stretch:
        """What these kernels learn of these seasons."""
        covariates = np.concatenate((seasons.known[:-1], seasons.past[:-1]), axis=-1)
        scale = Asinh.of(seasons.target)
        scales = [Asinh.of(covariates[..., at]) for at in range(covariates.shape[-1])]
        features = _features(seasons, scale, scales)
        target = scale.enter(seasons.target)[FURTHEST:, : seasons.horizon]
        rows = Rows.of(features[:-1])
        return cls([Learned.of(kernel, rows, target) for kernel in kernels], seasons, scale, scales, weight)

    def next(self, seasons: Seasons) -> Floats:
        """The sum of what the kernels give for the season after these, as much as each counts, (horizon,)."""
        row = _features(seasons, self.scale, self.scales)[-1:]
        given = [self.scale.leave(one.values(row)[0]) for one in self.learned]
        return self.weight * np.sum(given, axis=0)

    def errors(self) -> Floats:
        """The latest errors of a season left out, (N, horizon), on the scale."""
        return self.learned[-1].left_out()[-RECENT:]


def _features(seasons: Seasons, scale: Asinh, scales: list[Asinh]) -> Floats:
    ahead = seasons.known.shape[-1]
    known, past = _each(scales[:ahead], seasons.known), _each(scales[ahead:], seasons.past)
    return seasons.features(scale.enter(seasons.target), known, past)


def _each(scales: list[Asinh], values: Floats) -> Floats:
    columns = [scale.enter(values[..., at]) for at, scale in enumerate(scales)]
    return np.stack(columns, axis=-1) if columns else values


class Parts(NamedTuple):
    """What a forecast is made of. regression: its median (horizon,) by what is known of the steps ahead."""

    stretches: list[Stretch]
    regression: Callable[[History], Floats]

    def median(self, seasons: Seasons, history: History) -> Floats:
        """The mean of what the stretches give for the season after these, and the regression beside it, (horizon,)."""
        whole = sum(one.weight * len(one.learned) for one in self.stretches)
        direct = np.sum([one.next(seasons) for one in self.stretches], axis=0) / whole
        return (1 - REGRESSED) * direct + REGRESSED * self.regression(history)


class Direct(BySeries):
    """Each series cut into seasons that end where it does, the next of which is regressed on those before."""

    name = "Direct"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.needs = (FEWEST + FURTHEST) * setup.season
        self._regression = Regression(setup)

    def _series(self, panel: Panel, row: int) -> Floats:
        history = History.of(panel, row, panel.values[row], self.setup.horizon)
        stretches = self._learned(history, panel.covariates)
        parts = Parts(stretches, self._regression.median_of(self._regression.regressed(panel, row)))
        self._look(parts, history, panel.covariates)
        return self._quantiles(parts, history, panel.covariates)

    def _look(self, parts: Parts, history: History, covariates: Covariates | None) -> None:
        """Do nothing with what was learned of a series."""

    def _seasons(self, history: History, covariates: Covariates | None) -> Seasons:
        columns = covariates.columns if covariates else ()
        return Seasons.of(history.values, history.times, history.known, columns, self.setup.season)

    def _learned(self, history: History, covariates: Covariates | None) -> list[Stretch]:
        seasons = self._seasons(history, covariates)
        room = len(seasons.target) - FURTHEST
        able = dict.fromkeys((min(count, room), kernels, weight) for count, kernels, weight in STRETCHES)
        return [Stretch.of(seasons.latest(count), kernels, weight) for count, kernels, weight in able]

    def _median(self, parts: Parts, history: History, covariates: Covariates | None) -> Floats:
        return parts.median(self._seasons(history, covariates).latest(0), history)

    def _quantiles(self, parts: Parts, history: History, covariates: Covariates | None) -> Floats:
        """(horizon, Q): about the median lie the latest errors of the longest stretch, each of a season left out."""
        median = self._median(parts, history, covariates)
        if len(self.setup.levels) == 1:
            return median[:, None]
        longest = parts.stretches[-1]
        errors = longest.errors()
        away = np.quantile(errors - np.median(errors, axis=0), self.setup.levels, axis=0).T
        return longest.scale.leave(longest.scale.enter(median)[:, None] + away)


class RollingDirect(Direct):
    """The same in a backtest, where it also forecasts with what each covariate was at other times."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._regression = RefittedRegression(setup)
        self._shuffling = Shuffling(setup)

    def predict(self, panel: Panel) -> Quantiles:
        """As `Direct.predict`, with `Quantiles.shuffled`."""
        return self._shuffling.beside(super().predict(panel))

    def _look(self, parts: Parts, history: History, covariates: Covariates | None) -> None:
        late = {"known": 0, "past": self.setup.season}
        columns = covariates.columns if covariates else ()
        tried = [Tried(one.name, at, late[one.role]) for at, one in enumerate(columns) if one.role in late]
        self._shuffling.add(history, tried, lambda other: self._median(parts, other, covariates))
