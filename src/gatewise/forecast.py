"""Forecasts: a table in, a forecast with a verdict out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .extras import found_late

if TYPE_CHECKING:
    from .models.forecast.batch import Batch as Batch
    from .models.forecast.estimator import Forecaster as Forecaster
    from .models.forecast.evaluation.apart import workers as workers
    from .models.forecast.forecast import Forecast as Forecast
    from .models.forecast.many.outcome import ManyForecasts as ManyForecasts
    from .models.forecast.many.run import forecast_many as forecast_many
    from .tables.options import ReadOptions as ReadOptions

# Found when asked for, so that the command line answers without importing pandas.
_EXPORTS = {
    "Batch": "..models.forecast.batch",
    "Forecast": "..models.forecast.forecast",
    "Forecaster": "..models.forecast.estimator",
    "ManyForecasts": "..models.forecast.many.outcome",
    "ReadOptions": "..tables.options",
    "forecast_many": "..models.forecast.many.run",
    "workers": "..models.forecast.evaluation.apart",
}
__all__ = ["Batch", "Forecast", "Forecaster", "ManyForecasts", "ReadOptions", "forecast_many", "workers"]
__getattr__ = found_late(__name__, _EXPORTS)


def __dir__() -> list[str]:
    return __all__
