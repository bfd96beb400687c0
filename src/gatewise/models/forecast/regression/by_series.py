"""What models share that regress each series on its own, whenever they forecast it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ....tables.panel import Floats, Panel
from ....words import listed
from ..model import Predictor, Setup
from ..results import Quantiles
from ..shuffling import DRAWS, OtherTimes
from .layout import History

if TYPE_CHECKING:
    from torch import Tensor


class BySeries(ABC):
    """Nothing is learned by `fit`; every forecast is made from the panel given."""

    name: str
    needs: int

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    def fit(self, panel: Panel) -> None:  # noqa: B027 - what it does is nothing
        """Do nothing: series are regressed whenever they are forecast."""

    def predict(self, panel: Panel) -> Quantiles:
        """Forecast after the end of every series, for which its covariates must be known that far."""
        found = [self._series(own, 0) for own in alone(panel)]
        return Quantiles(self.name, self.setup.levels, np.stack(found), self._unused(panel))

    def _unused(self, panel: Panel) -> tuple[str, ...]:
        """A note on covariates that are the same at every step of a series."""
        columns = panel.covariates.columns if panel.covariates else ()
        names = [repr(column.name) for column in columns if column.role == "static"]
        return (f"{self.name} takes each series on its own and has no use for {listed(names)}.",) if names else ()

    def following(self) -> Predictor:
        """Itself: nothing is remembered."""
        return self

    def state(self) -> tuple[Mapping[str, Tensor], Mapping[str, object]]:
        """Nothing beyond the setup, which the model file holds already."""
        return {}, {}

    @abstractmethod
    def _series(self, panel: Panel, row: int) -> Floats:
        """The quantiles of one series, (horizon, Q)."""


def alone(panel: Panel) -> Iterator[Panel]:
    """Each series by itself, with the words of its covariates that it has itself."""
    for row in range(len(panel)):
        own = panel.select([row])
        yield own if own.covariates is None else replace(own, covariates=own.covariates.alone(0))


class Tried(NamedTuple):
    """A covariate whose values are to be replaced. column: which it is. lag: steps by which it is known late."""

    name: str
    column: int
    lag: int


class Shuffling:
    """The point forecasts of each series with what a covariate was at other times, see `Quantiles.shuffled`."""

    def __init__(self, setup: Setup) -> None:
        self._others = OtherTimes(setup.horizon, setup.longer[0] if setup.longer else setup.season, setup.seed)
        self._found: list[dict[str, Floats]] = []

    def add(self, history: History, tried: Iterable[Tried], median: Callable[[History], Floats]) -> None:
        """Those of the next series, whose median forecast (horizon,) a history brings about."""
        found: dict[str, Floats] = {}
        for one in tried:
            others = self._others.of(history.known, one.column, history.length - one.lag)
            if medians := [median(replace(history, known=known)) for known in others]:
                found[one.name] = np.stack(medians)
        self._found.append(found)

    def beside(self, forecast: Quantiles) -> Quantiles:
        """The forecast with these; a series in which a covariate never changes is forecast the same whatever it is."""
        names, median = dict.fromkeys(name for one in self._found for name in one), forecast.median
        same = [np.tile(values, (DRAWS, 1)) for values in median]
        shuffled = {
            name: np.stack([one.get(name, plain) for one, plain in zip(self._found, same, strict=True)], axis=1)
            for name in names
        }
        self._found = []
        return replace(forecast, shuffled=shuffled)
