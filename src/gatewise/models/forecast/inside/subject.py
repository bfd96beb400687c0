"""The LSTM behind the forecast of one series, to look into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....errors import InputError, argument
from ....inspect.subject import Subject
from ....tables.panel import Panel
from ....words import few
from ..bounds import ANYTHING, Bounds
from ..network.lstm_model import LSTMModel
from ..pretrained.model import PretrainedModel
from ..pretrained.tuned import TunedModel
from ..regression.model import Regression
from .ensemble import WindowOpened
from .pretrained import TokensOpened
from .regression import RegressionOpened

OPENED: dict[type, Callable[[Any, Panel, int | None, Bounds], Any]] = {
    LSTMModel: WindowOpened,
    PretrainedModel: TokensOpened,
    TunedModel: TokensOpened,
    Regression: RegressionOpened,
}
"""What looks into a model at the end of a panel of one series, at a step ahead, its forecasts within bounds."""


_WITH_MEMORY = ("pretrained", "lstm", "regression")


def subject_of(
    model: object, panel: Panel, series: str | None = None, step: int | None = None, bounds: Bounds = ANYTHING
) -> Subject:
    """The network of a fitted model that is nearest to its forecast of one series.

    series: its id, by default the first. step: the step ahead, counted from 1, that is looked at first. A step of the
    recurrent layer is a patch of the past, named by the times that it covers. bounds: what forecasts are kept within.
    Raises InputError for a model without memory, and for a series or step that does not exist.
    """
    check_memory(model)
    return OPENED[type(model)](model, panel.select([_row(panel, series)]), step, bounds).subject()


def check_memory(model: object, where: str = "") -> None:
    """Raise InputError where a model has no memory that can be looked into, or none that a window holds."""
    if type(model) not in OPENED:
        name = getattr(model, "name", type(model).__name__)
        raise InputError(
            f"the model is {name}, which has no memory that can be looked into",
            where=where,
            hint=f"take one that has: {', '.join(argument('model', word) for word in _WITH_MEMORY)}",
        )
    if getattr(model, "normalisation", "window") == "causal":
        raise InputError(
            "the network carries its memory from before the window, and only windows can be looked into",
            where=where,
            hint="fit one that normalises by window",
        )


def _row(panel: Panel, series: str | None) -> int:
    if series is None:
        return 0
    if series not in panel.ids:
        raise InputError(f"there is no series {series!r}", hint=f"there is {few(panel.ids, 5)}")
    return panel.ids.index(series)
