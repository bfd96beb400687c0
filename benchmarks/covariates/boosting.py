"""Scikit-learn's gradient boosting, given what our regression is given: a peer, and no part of the product."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd

LAGS = (48, 72, 168, 336)
"""Hours: none is shorter than the horizon."""


class Windows(Protocol):
    """What is forecast, see `main.Task`."""

    time: str
    target: str
    covariates: tuple[str, ...]
    horizon: int
    windows: int


def boosted(task: Windows, frame: pd.DataFrame) -> float:
    """Mean absolute error over the last windows, for each of which it is trained again; the better of two losses."""
    features, target = _features(task, frame), frame[task.target].to_numpy()
    return min(_error(task, features, target, loss) for loss in ("squared_error", "absolute_error"))


def _features(task: Windows, frame: pd.DataFrame) -> pd.DataFrame:
    times, target = pd.to_datetime(frame[task.time]), frame[task.target]
    calendar = {"hour": times.dt.hour, "weekday": times.dt.dayofweek, "day": times.dt.dayofyear}
    covariates = {
        name: frame[name] if pd.api.types.is_numeric_dtype(frame[name]) else pd.factorize(frame[name])[0]
        for name in task.covariates
    }
    lags = {f"lag {lag}": target.shift(lag) for lag in LAGS}
    week = {"week": target.shift(task.horizon).rolling(168).mean()}
    return pd.DataFrame({**calendar, **covariates, **lags, **week})


def _error(task: Windows, features: pd.DataFrame, target: np.ndarray, loss: str) -> float:
    from sklearn.ensemble import HistGradientBoostingRegressor

    errors: list[float] = []
    for window in range(task.windows, 0, -1):
        end = len(target) - window * task.horizon
        model = HistGradientBoostingRegressor(loss=loss, max_iter=300, learning_rate=0.06, random_state=0)
        model.fit(features[:end], target[:end])
        ahead = slice(end, end + task.horizon)
        errors.append(float(np.abs(model.predict(features[ahead]) - target[ahead]).mean()))
    return float(np.mean(errors))
