"""Outcomes made by hand, so that what is shown can be tested without training anything."""

from __future__ import annotations

import numpy as np

from gatewise.models.forecast.results import (
    Backtest,
    Claim,
    Effect,
    Judgement,
    Outcome,
    Quantiles,
    Score,
    Window,
    Worth,
    quantile_levels,
)
from gatewise.tables.panel import Frequency, Panel

LEVELS = (80, 95)
MODELS = ("LSTM", "AutoETS", "AutoTheta", "SeasonalNaive", "Naive")


def panel(ids: tuple[str, ...] = ("passengers",), length: int = 144, *, counter: bool = False) -> Panel:
    """Seasonal series with a trend, monthly from 1949, or over a plain counter."""
    months = np.arange("1949-01", "2049-01", dtype="datetime64[M]")[:length].astype("datetime64[ns]")
    times = np.arange(1, length + 1) if counter else months
    t = np.arange(length)
    values = tuple(
        (100 + 3 * t) * (1 + 0.2 * np.sin(2 * np.pi * t / 12)) + np.random.default_rng(row).normal(0, 9, length)
        for row in range(len(ids))
    )
    frequency = Frequency("1" if counter else "MS")
    return Panel(ids, (times,) * len(ids), values, frequency, 12, ("The season is 12 steps.",))


def quantiles(model: str, centre: np.ndarray, width: float = 20.0) -> Quantiles:
    """Symmetric quantiles around ``centre`` (S, horizon), wider with the step."""
    levels = quantile_levels(LEVELS)
    spread = width * (1 + np.arange(centre.shape[1]) / 12)
    offsets = np.array([-1.5, -1.0, 0.0, 1.0, 1.5])
    return Quantiles(model, levels, centre[..., None] + spread[:, None] * offsets)


def backtest(data: Panel, horizon: int = 12, windows: int = 3) -> Backtest:
    """Windows in which every model is off by a known amount, worse down the list."""
    made = tuple(_window(data, horizon, (windows - 1 - row) * horizon) for row in range(windows))
    scores = tuple(
        Score(
            model=name,
            relative=0.5 + 0.15 * row,
            relative_error=0.1,
            median=0.5 + 0.15 * row,
            best=20.0,
            mase=0.6 + 0.2 * row,
            smape=3.0 + row,
            wql=0.02 + 0.005 * row,
            msis=4.0 + row,
            coverage={80: 82.0 - 6 * row, 95: 94.0 - 4 * row},
            coverage_error={80: 12.0, 95: 7.0},
            seconds=1.5,
            error_by_step=np.linspace(0.4, 0.8, horizon) + 0.2 * row,
        )
        for row, name in enumerate(MODELS)
    )
    verdict = "Too close to call: the LSTM 0.50 and AutoETS 0.65."
    return Backtest(horizon, 12, scores, made, judgement(), verdict, step=horizon, worth=worth())


def worth() -> Worth:
    """What two covariates are worth, one of which does harm."""
    effects = Effect("heat", 1.25, 0.2), Effect("holiday", -0.01, 0.03)
    return Worth(tuple(one.name for one in effects), "LSTM", 0.5, "AutoETS", 0.65, True, effects)


def judgement(claim: Claim = "close") -> Judgement:
    """What is shown of `MODELS`."""
    return Judgement(claim, "LSTM", "AutoETS", "SeasonalNaive", "SeasonalNaive", "LSTM", 0.62, "AutoETS")


def outcome(data: Panel | None = None, *, tested: bool = True, horizon: int = 12) -> Outcome:
    """A whole outcome over the panel."""
    data = data or panel()
    season = np.stack([values[-12:] for values in data.values])
    centre = np.tile(season, -(-horizon // 12))[:, :horizon] * 1.08
    return Outcome(
        panel=data,
        quantiles=quantiles("LSTM", centre),
        levels=LEVELS,
        backtest=backtest(data, horizon) if tested else None,
        notes=("Times are in the column Month, monthly.", *data.notes),
        source="passengers.csv",
        command="gatewise forecast passengers.csv --horizon 12 --report report.html",
        version="0.1.0",
    )


def _window(data: Panel, horizon: int, back: int) -> Window:
    end = len(data.values[0]) - back
    actual = np.stack([values[end - horizon : end] for values in data.values])
    scale = np.array([np.abs(values[12:end] - values[: end - 12]).mean() for values in data.values])
    noise = np.random.default_rng(back)
    forecasts = {
        name: quantiles(name, actual + noise.normal(0, 8 + 5 * row, actual.shape)) for row, name in enumerate(MODELS)
    }
    cutoffs = tuple(times[end - horizon - 1] for times in data.times)
    return Window(np.arange(len(data)), cutoffs, actual, scale, forecasts, steps_back=back + horizon)
