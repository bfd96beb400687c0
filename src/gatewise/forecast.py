"""Forecasts: a table in, a forecast with a verdict out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .extras import how_to_install

if TYPE_CHECKING:
    from .models.forecast.batch import Batch as Batch
    from .models.forecast.estimator import Forecaster as Forecaster
    from .models.forecast.forecast import Forecast as Forecast
    from .tables.options import ReadOptions as ReadOptions

# Found when asked for, so that the command line answers without importing pandas.
_EXPORTS = {
    "Batch": ".models.forecast.batch",
    "Forecast": ".models.forecast.forecast",
    "Forecaster": ".models.forecast.estimator",
    "ReadOptions": ".tables.options",
}
__all__ = ["Batch", "Forecast", "Forecaster", "ReadOptions"]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        try:
            return getattr(import_module(_EXPORTS[name], __package__), name)
        except ModuleNotFoundError as error:
            error.add_note(how_to_install(error.name or ""))
            raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
