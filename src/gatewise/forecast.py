"""Forecasts: a table in, a forecast with a verdict out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .models.forecast.estimator import Forecaster as Forecaster

__all__ = ["Forecaster"]


def __getattr__(name: str) -> Any:
    """Found when asked for, so that the command line answers without importing pandas."""
    if name == "Forecaster":
        from .models.forecast.estimator import Forecaster

        return Forecaster
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
