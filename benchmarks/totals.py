"""The intervals of totals of a horizon: how often they hold what came, beside two ways that take no windows.

    python -m benchmarks totals [--models pretrained seasonal_naive] [--sets NAME ...] [--every N]

The series are those of the verdict (see `verdict`), each alone. Of its next window, which nobody saw, the total is
forecast as ``Forecaster.predict(total=True)`` does, from how errors hung together in windows of the past; as if steps
were independent; and as the sum of the bounds of the steps. What is printed of each is the percent of totals in their
80 % and 95 % intervals, a mean over sets, and the pinball loss over .025, .1, .5, .9 and .975 in units of the mean
absolute change from one step to the next, as a geometric mean over sets relative to the first.

That an autoregression with a common part is fitted, and that all of its values count, was found on these sets.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from gatewise.models.forecast.evaluation.contestants import CONTESTANTS, forecast_all
from gatewise.models.forecast.model import Setup
from gatewise.models.forecast.results import SCORED, SCORED_LEVELS, interval_levels
from gatewise.models.forecast.totals.dependence import CARRIES, SHARES, Dependence
from gatewise.models.forecast.totals.paths import sums
from gatewise.models.forecast.totals.totals import Asked, normal_scores, totals
from gatewise.tables.panel import Floats, Frequency, Panel
from gatewise.training.torch_state import at_most_threads

from .data import FOLDER as DATA
from .verdict.sets import SETS, Trial

WAYS = ("windows of the past", "independent", "sum of bounds")


def main(arguments: Sequence[str]) -> None:
    """Every set that was asked for, and a table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks totals", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", choices=CONTESTANTS, default=["pretrained", "seasonal_naive"])
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--every", type=int, default=1, help="take every so many-th series")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the data")
    given = parser.parse_args(arguments)
    print("| model | way | series | in 80 % | in 95 % | loss |\n|---|---|---:|---:|---:|---:|")
    with at_most_threads(1):
        for word in given.models:
            trials = [list(islice(SETS[name](given.data), 0, None, given.every)) for name in given.sets]
            figures = [np.array([list(_figures(word, trial).values()) for trial in some]) for some in trials]
            means = np.stack([one.mean(axis=0) for one in figures])  # (sets, ways, figures)
            losses = np.exp(np.log(means[..., 2]).mean(axis=0))
            for at, way in enumerate(WAYS):
                held = " | ".join(f"{100 * share:.0f} %" for share in means[:, at, :2].mean(axis=0))
                count = sum(len(some) for some in trials)
                print(f"| {word} | {way} | {count} | {held} | {losses[at] / losses[0]:.3f} |", flush=True)


def _figures(word: str, trial: Trial) -> Mapping[str, tuple[float, float, float]]:
    """For each way whether the intervals hold the total of what came, and the loss."""
    panel = Panel((trial.name,), (np.arange(len(trial.history)),), (trial.history,), Frequency("1"), trial.season)
    setup = Setup(len(trial.future), trial.season, SCORED_LEVELS)
    model = CONTESTANTS[word].make(setup)
    model.fit(panel)
    forecast = forecast_all(model, panel, setup)
    made = totals(forecast, panel, Asked(model, CONTESTANTS[word], setup), None)
    alone = Dependence(np.eye(len(CARRIES), len(SHARES)) * (np.arange(len(CARRIES)) == 0)[:, None], 0)
    drawn = sums(forecast.values, normal_scores(SCORED_LEVELS), alone, np.full(1, -np.inf), np.inf)[0]
    ways = made.values[0, 0], np.quantile(drawn, SCORED_LEVELS), forecast.values[0].sum(axis=0)
    unit = float(np.abs(np.diff(trial.history)).mean())
    return {way: _figure(values, float(trial.future.sum()), unit) for way, values in zip(WAYS, ways, strict=True)}


def _figure(values: Floats, total: float, unit: float) -> tuple[float, float, float]:
    levels = np.array(SCORED_LEVELS)
    bounds = [[values[SCORED_LEVELS.index(bound)] for bound in interval_levels(level)] for level in SCORED]
    away = total - values
    loss = np.maximum(levels * away, (levels - 1) * away).mean() / unit
    return float(bounds[0][0] <= total <= bounds[0][1]), float(bounds[1][0] <= total <= bounds[1][1]), float(loss)
