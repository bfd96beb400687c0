"""What every forecasting model, network or baseline, is told and can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ...progress import OnProgress
from ...tables.panel import Panel
from .bounds import ANYTHING, Bounds
from .results import Quantiles

if TYPE_CHECKING:
    from torch import Tensor


NORMALISATIONS = ("window", "causal")
"""On what scale a network reads the past: all of a window on the one that it has at its end, or each patch on the one
that it has at the patch's end, so that what was read stays read when more comes."""


@dataclass(frozen=True)
class Setup:
    """What a model is told before it sees data.

    horizon: steps to forecast. season: observations in one season, 1 for none; longer: those in longer seasons beside
    it; unshown: those in a season of the calendar that the data do not show, 1 for none. levels: probabilities of the
    quantiles, increasing, 0.5 among them. budget: seconds of training, None for the model's own choice. tune: whether
    the tuned network takes part in a contest. normalisation: a word of ``NORMALISATIONS``, for models that learn.
    members: the words of the models that a pool may be made of, None for all. covariates: whether the series have any.
    bounds: what forecasts are kept within. widening: for levels of intervals that fell short in a backtest, the factor
    by which whatever the model forecasts is widened.
    """

    horizon: int
    season: int
    levels: tuple[float, ...]
    seed: int = 0
    budget: float | None = None
    tune: bool = False
    normalisation: str = "window"
    longer: tuple[int, ...] = ()
    unshown: int = 1
    members: frozenset[str] | None = None
    covariates: bool = False
    bounds: Bounds = ANYTHING
    progress: OnProgress | None = None
    widening: Mapping[int, float] = field(default_factory=dict[int, float])


class Predictor(Protocol):
    """What forecasts the steps after a panel's end.

    name: the column name in tables, such as ``"LSTM"``. needs: the shortest series it can forecast.
    """

    name: str
    needs: int

    def predict(self, panel: Panel) -> Quantiles:
        """Forecast the steps after the end of each series, which may be newer than those learned from."""
        ...


class Model(Predictor, Protocol):
    """A model that learns from a panel and then forecasts."""

    def fit(self, panel: Panel) -> None:
        """Learn from every series of the panel."""
        ...

    def following(self) -> Predictor:
        """The same forecasts for one panel that only grows, of which what was read may be remembered."""
        ...

    def state(self) -> tuple[Mapping[str, Tensor], Mapping[str, object]]:
        """What a model file keeps: tensors by name, and settings that JSON can hold; no data."""
        ...
