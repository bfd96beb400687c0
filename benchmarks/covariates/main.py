"""What covariates take off the error of a forecast, on windows of the past.

    python -m benchmarks covariates demand    # Victoria's half-hourly demand, a week ahead: temperature, holidays
    python -m benchmarks covariates bikes     # hourly bicycle hire, two days ahead: weather, holidays
    python -m benchmarks covariates noise     # both with a covariate that is noise, and with nothing else
    python -m benchmarks covariates lstm      # both by the LSTM that is trained on them, with and without; or --of one
    python -m benchmarks covariates time      # what they add to the time in which a forecaster is fitted; or --of one

The files vic_electricity.csv.gz and bike_sharing.csv.gz (skforecast-datasets) are read from ../shared/data/covariates
or from --data. All models of the contest take part, with noise those that search no form. What came of the weather
stands for its forecast. Beside the bicycles stands scikit-learn's gradient boosting with the same covariates, the
calendar, and the hire of the days and weeks before.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from gatewise.forecast import Forecaster, ReadOptions
from gatewise.models.forecast.evaluation.backtest import compare
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS, Contestant, field_of
from gatewise.models.forecast.model import Setup
from gatewise.models.forecast.results import SCORED, Backtest, Worth, quantile_levels
from gatewise.models.forecast.seasons import with_seasons
from gatewise.progress import progress_bar
from gatewise.tables.options import CovariateOptions
from gatewise.tables.supplied import panel_with_covariates

from .boosting import boosted
from .epf import DATA

NOISE = "noise"
FITTED = ("auto", "lstm")
"""What is timed: the default, and what learns from covariates longest."""


@dataclass(frozen=True)
class Task:
    """A set and what is forecast of it. windows: end to end, at the end."""

    file: str
    time: str
    target: str
    covariates: tuple[str, ...]
    horizon: int
    windows: int


TASKS = {
    "demand": Task("vic_electricity.csv.gz", "Time", "Demand", ("Temperature", "Holiday"), 336, 12),
    "bikes": Task(
        "bike_sharing.csv.gz",
        "date_time",
        "users",
        ("holiday", "workingday", "weather", "temp", "atemp", "hum", "windspeed"),
        48,
        24,
    ),
}


def main(arguments: Sequence[str]) -> None:
    """Run one comparison and print its figures."""
    each = {NOISE: useless, "lstm": trained, "time": timed}
    parser = argparse.ArgumentParser(prog="python -m benchmarks covariates", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("set", choices=[*TASKS, *each])
    parser.add_argument("--of", choices=TASKS, help="the only set for noise, lstm and time")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the files")
    given = parser.parse_args(arguments)
    if given.set in each:
        for name in [given.of] if given.of else TASKS:
            each[given.set](name, given.data)
    else:
        worth(given.set, given.data)


def worth(name: str, data: Path) -> None:
    """With covariates and without."""
    task = TASKS[name]
    frame = pd.read_csv(data / task.file)
    backtest = tested(task, frame, task.covariates)
    tell(backtest)
    if name == "bikes":
        print(f"{'boosting':16}MAE {boosted(task, frame):.2f}")
    found = backtest.worth
    assert found is not None
    with_them, without = (errors(backtest)[model] for model in (found.model, found.without))
    print(f"{name}: {100 * (1 - with_them / without):.1f} % below {found.without}, the best without")
    tell_effects(found)


def tell(backtest: Backtest) -> None:
    """Print the errors, the smallest first."""
    for model, error in errors(backtest).items():
        print(f"{model:16}MAE {error:.2f}")


def tell_effects(found: Worth) -> None:
    """Print what each covariate does alone."""
    for effect in found.effects:
        print(
            f"{effect.name}: error rises by {100 * effect.rise:.1f} % (± {100 * effect.standard_error:.1f})", flush=True
        )


def trained(name: str, data: Path) -> None:
    """The LSTM with covariates and without, as long as it is trained by default."""
    task = TASKS[name]
    frame = pd.read_csv(data / task.file)
    told, plain = (limited(task, frame, names, learning) for names in (task.covariates, ()))
    with_them, without = (errors(one)["LSTM"] for one in (told, plain))
    print(
        f"{name}, LSTM: MAE {with_them:.2f} with, {without:.2f} without, {100 * (1 - with_them / without):.1f} % below"
    )
    assert told.worth is not None
    tell_effects(told.worth)


def timed(name: str, data: Path) -> None:
    """How long a fit takes with covariates and without: of what is fitted by default, and of the LSTM."""
    task = TASKS[name]
    frame = pd.read_csv(data / task.file)
    for model in FITTED:
        without, with_them = (seconds_of_fit(task, frame, names, model) for names in ((), task.covariates))
        took = f"{with_them:.0f} s of processors with covariates, {without:.0f} without"
        print(f"{name}, {model}: a fit takes {took}, {with_them / without:.2f} times as long", flush=True)


def seconds_of_fit(task: Task, frame: pd.DataFrame, names: Sequence[str], model: str) -> float:
    """Of all processors together."""
    read, begun = ReadOptions(time=task.time, target=task.target), time.process_time()
    with progress_bar("fit") as progress:
        Forecaster(task.horizon, model=model, progress=progress).fit(frame, read=read, covariates=list(names))
    return time.process_time() - begun


def useless(name: str, data: Path) -> None:
    """What a covariate costs that is noise: beside the others for the model that takes them, and alone."""
    task = TASKS[name]
    frame = pd.read_csv(data / task.file)
    frame[NOISE] = np.random.default_rng(0).normal(size=len(frame))
    plain, noisy = (limited(task, frame, names, quickly) for names in (task.covariates, (*task.covariates, NOISE)))
    found = plain.worth
    assert found is not None
    before, after = (errors(one)[found.model] for one in (plain, noisy))
    print(f"{name}, {found.model}: noise beside the others costs {100 * (after / before - 1):.2f} %", flush=True)
    without, alone = (limited(task, frame, names, quickly) for names in ((), (NOISE,)))
    before, after = (errors(one)[one.judgement.chosen] for one in (without, alone))
    chosen = f"{without.judgement.chosen} without, {alone.judgement.chosen} with it"
    print(f"{name}, as chosen ({chosen}): noise alone costs {100 * (after / before - 1):.2f} %", flush=True)


def tested(task: Task, frame: pd.DataFrame, names: Sequence[str]) -> Backtest:
    """The contest on the last windows."""
    with progress_bar("backtest") as progress:
        return Forecaster(task.horizon, progress=progress).backtest(
            frame,
            task.windows,
            step=task.horizon,
            read=ReadOptions(time=task.time, target=task.target),
            covariates=list(names),
        )


def quickly(told: Setup) -> dict[str, Contestant]:
    """Those that search no form."""
    return {word: one for word, one in field_of(None, told).items() if not one.costly}


def learning(told: Setup) -> dict[str, Contestant]:
    """The LSTM, and what it is measured by."""
    return {word: CONTESTANTS[word] for word in ("naive", "seasonal_naive", "lstm")}


def limited(
    task: Task, frame: pd.DataFrame, names: Sequence[str], field: Callable[[Setup], Mapping[str, Contestant]]
) -> Backtest:
    """The contest of some models, on the last windows."""
    options, covariates = ReadOptions(time=task.time, target=task.target), CovariateOptions(list(names))
    panel = with_seasons(
        panel_with_covariates(frame, options, covariates, horizon=task.horizon), task.windows * task.horizon
    )
    informed = panel.covariates is not None
    told = Setup(task.horizon, panel.season, quantile_levels(SCORED), longer=panel.longer, covariates=informed)
    with progress_bar("backtest") as progress:
        told = replace(told, progress=progress)
        return compare(panel, told, windows=task.windows, step=task.horizon, contestants=field(told))


def errors(backtest: Backtest) -> dict[str, float]:
    """Mean absolute error of each model over all windows, best first."""
    windows = backtest.windows
    return {
        score.model: float(np.mean([np.abs(one.actual - one.forecasts[score.model].median) for one in windows]))
        for score in backtest.scores
    }


if __name__ == "__main__":
    main(sys.argv[1:])
