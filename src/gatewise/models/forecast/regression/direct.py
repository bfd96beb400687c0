"""The next season regressed directly on the latest ones and on covariates, over several stretches of the past.

What it is regressed on, the scale and the mean over short and long stretches are those of the LEAR model of electricity
prices (Lago, Marcjasz, De Schutter & Weron 2021, doi:10.1016/j.apenergy.2021.116983). In place of its lasso, short
stretches have a linear kernel, and long ones a bell beside it, which learns how influences depend on each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ....tables.covariates import Covariates
from ....tables.panel import Floats, Panel
from ..model import Setup
from ..results import Quantiles
from .by_series import BySeries, Shuffling, Tried
from .kernel import Kernel, Learned
from .layout import History
from .scale import Asinh
from .seasons import FURTHEST, Seasons

LINEAR = tuple(Kernel(linear=1.0, bell=0.0, width=1.0, penalty=penalty) for penalty in (0.1, 0.3, 1.0))
BENT = tuple(
    Kernel(linear=linear, bell=1.0, width=width, penalty=penalty)
    for linear, width in ((0.1, 4.0), (0.2, 8.0))
    for penalty in (0.03, 0.1, 0.3)
)
STRETCHES = ((84, LINEAR), (728, BENT), (1456, BENT))
"""Seasons that are learned from, and kernels of which the best is taken; the forecast is the mean."""
RECENT = 364
"""Seasons whose errors, each of a season left out, tell which kernel is best, and how far a forecast may be off."""
FEWEST = 84


Stretches = Sequence[tuple[int, tuple[Kernel, ...]]]


class Stretch(NamedTuple):
    """What one stretch has learned. scale, scales: of the target, and of the covariates, known ones first."""

    learned: Learned
    seasons: Seasons
    scale: Asinh
    scales: list[Asinh]

    @classmethod
    def best(cls, seasons: Seasons, kernels: tuple[Kernel, ...]) -> Stretch:
        """What the best of these kernels learns of these seasons."""
        stretches = [cls.of(seasons, kernel) for kernel in kernels]
        return min(stretches, key=lambda one: float(np.abs(one.errors()).mean())) if len(kernels) > 1 else stretches[0]

    def errors(self) -> Floats:
        """The latest errors of a season left out, (N, horizon), on the scale."""
        return self.learned.left_out()[-RECENT:]

    @classmethod
    def of(cls, seasons: Seasons, kernel: Kernel) -> Stretch:
        """What a kernel learns of these seasons."""
        covariates = np.concatenate((seasons.known[:-1], seasons.past[:-1]), axis=-1)
        scale = Asinh.of(seasons.target)
        scales = [Asinh.of(covariates[..., at]) for at in range(covariates.shape[-1])]
        features = _features(seasons, scale, scales)
        target = scale.enter(seasons.target)[FURTHEST:, : seasons.horizon]
        return cls(Learned.of(kernel, features[:-1], target), seasons, scale, scales)

    def next(self, seasons: Seasons) -> Floats:
        """The season after these, (horizon,), on the scale."""
        return self.learned.values(_features(seasons, self.scale, self.scales)[-1:])[0]


def _features(seasons: Seasons, scale: Asinh, scales: list[Asinh]) -> Floats:
    ahead = seasons.known.shape[-1]
    known, past = _each(scales[:ahead], seasons.known), _each(scales[ahead:], seasons.past)
    return seasons.features(scale.enter(seasons.target), known, past)


def _each(scales: list[Asinh], values: Floats) -> Floats:
    columns = [scale.enter(values[..., at]) for at, scale in enumerate(scales)]
    return np.stack(columns, axis=-1) if columns else values


class Direct(BySeries):
    """Each series cut into seasons that end where it does, the next of which is regressed on those before."""

    name = "Direct"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.needs = (FEWEST + FURTHEST) * setup.season

    def _series(self, panel: Panel, row: int) -> Floats:
        history = History.of(panel, row, panel.values[row], self.setup.horizon)
        stretches = self._learned(history, panel.covariates, STRETCHES)
        return self._quantiles(stretches, history, panel.covariates)

    def _seasons(self, history: History, covariates: Covariates | None) -> Seasons:
        columns = covariates.columns if covariates else ()
        return Seasons.of(history.values, history.times, history.known, columns, self.setup.season)

    def _learned(self, history: History, covariates: Covariates | None, stretches: Stretches) -> list[Stretch]:
        seasons = self._seasons(history, covariates)
        room = len(seasons.target) - FURTHEST
        able = dict.fromkeys((min(count, room), kernels) for count, kernels in stretches)
        return [Stretch.best(seasons.latest(count), kernels) for count, kernels in able]

    def _median(self, stretches: list[Stretch], history: History, covariates: Covariates | None) -> Floats:
        """The mean of what the stretches give, (horizon,)."""
        seasons = self._seasons(history, covariates).latest(0)
        return np.mean([one.scale.leave(one.next(seasons)) for one in stretches], axis=0)

    def _quantiles(self, stretches: list[Stretch], history: History, covariates: Covariates | None) -> Floats:
        """(horizon, Q): about the median lie the latest errors of the longest stretch, each of a season left out."""
        median = self._median(stretches, history, covariates)
        if len(self.setup.levels) == 1:
            return median[:, None]
        longest = stretches[-1]
        errors = longest.errors()
        away = np.quantile(errors - np.median(errors, axis=0), self.setup.levels, axis=0).T
        return longest.scale.leave(longest.scale.enter(median)[:, None] + away)


class RecalibratedDirect(Direct):
    """The same for series that go on, where the kernels that were best in the first history of each stay."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._kernels: dict[str, Stretches] = {}

    def _series(self, panel: Panel, row: int) -> Floats:
        name, covariates = panel.ids[row], panel.covariates
        history = History.of(panel, row, panel.values[row], self.setup.horizon)
        stretches = self._learned(history, covariates, self._kernels.get(name, STRETCHES))
        settled = [(count, (one.learned.kernel,)) for (count, _), one in zip(STRETCHES, stretches, strict=False)]
        self._kernels.setdefault(name, settled)
        self._look(stretches, history, covariates)
        return self._quantiles(stretches, history, covariates)

    def _look(self, stretches: list[Stretch], history: History, covariates: Covariates | None) -> None:
        """Do nothing with what was learned of a series."""


class RollingDirect(RecalibratedDirect):
    """The same in a backtest, where it also forecasts with what each covariate was at other times."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._shuffling = Shuffling(setup, setup.longer[0] if setup.longer else setup.season)

    def predict(self, panel: Panel) -> Quantiles:
        """As `Direct.predict`, with `Quantiles.shuffled`."""
        return self._shuffling.beside(super().predict(panel))

    def _look(self, stretches: list[Stretch], history: History, covariates: Covariates | None) -> None:
        columns = covariates.columns if covariates else ()
        late = {"known": 0, "past": self.setup.season}
        tried = [Tried(one.name, at, late[one.role]) for at, one in enumerate(columns) if one.role in late]
        self._shuffling.add(history, tried, lambda other: self._median(stretches, other, covariates))
