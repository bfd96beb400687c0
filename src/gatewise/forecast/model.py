"""What every forecasting model, network or baseline, is told and can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .panel import Panel
from .progress import Progress
from .results import Quantiles

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Setup:
    """What a model is told before it sees data.

    horizon: steps to forecast. season: observations in one season, 1 for none. levels: probabilities of the
    quantiles, increasing, 0.5 among them. budget: seconds of training, None for the model's own choice.
    """

    horizon: int
    season: int
    levels: tuple[float, ...]
    seed: int = 0
    budget: float | None = None
    progress: Progress | None = None


class Model(Protocol):
    """A model that learns from a panel and then forecasts the steps after a panel's end.

    name: the column name in tables, such as ``"LSTM"``. needs: the shortest series it can forecast.
    """

    name: str
    needs: int

    def fit(self, panel: Panel) -> None:
        """Learn from every series of the panel."""
        ...

    def predict(self, panel: Panel) -> Quantiles:
        """Forecast the steps after the end of each series, which may be newer than those learned from."""
        ...

    def state(self) -> tuple[Mapping[str, Tensor], Mapping[str, object]]:
        """What a model file keeps: tensors by name, and settings that JSON can hold; no data."""
        ...
