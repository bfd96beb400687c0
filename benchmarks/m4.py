"""Hourly and weekly series of the M4 competition: how the default forecaster stands against its entries.

    python -m benchmarks m4 hourly            # or weekly; --seed 1, --model seasonal_naive, --normalisation causal
    python -m benchmarks m4 weekly --model pretrained --seasons data
    python -m benchmarks m4 weekly --model tuned --seasons data --budget 10m

The files {Hourly,Weekly}-{train,test}.csv.gz of the competition (Mcompetitions/M4-methods) are read from
../shared/data/m4 or from --data. Nothing is chosen by the name of the set: the model is told the competition's
horizon, and its season (24 hours; none for weeks) or, with --seasons data, those that `gatewise forecast` finds in
the training series; the rest of its settings it makes from these. Errors are measured as in the competition. Naive2's
published figures are reproduced first; if they do not come out, no figure is printed.

The default forecaster was made on these two sets: what is printed says how it does here, and not on others.

Makridakis, Spiliotis & Assimakopoulos, "The M4 Competition", doi:10.1016/j.ijforecast.2019.04.014.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gatewise.models.arguments import seconds
from gatewise.models.forecast import metrics
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS
from gatewise.models.forecast.model import NORMALISATIONS, Setup
from gatewise.models.forecast.results import MSIS_LEVEL, Quantiles, quantile_levels
from gatewise.models.forecast.seasons import with_seasons
from gatewise.progress import progress_bar
from gatewise.tables.panel import Floats, Frequency, Panel

from .data import FOLDER
from .m4_naive2 import PUBLISHED, figures, read

DATA = FOLDER / "m4"
GROUPS = {"hourly": "Hourly", "weekly": "Weekly"}
STEPS = {"Hourly": "h", "Weekly": "W"}
SEASONS = ("competition", "data")
LEVELS = (80, 95)


def main(arguments: Sequence[str]) -> None:
    """Run one group of the competition and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks m4", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", choices=CONTESTANTS, default="lstm")
    parser.add_argument("--normalisation", choices=NORMALISATIONS, default=NORMALISATIONS[0])
    parser.add_argument("--seasons", choices=SEASONS, default=SEASONS[0], help="whose a model is told")
    parser.add_argument("--budget", help="of training, such as 60s; by default what the model takes by itself")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the competition's files")
    given = parser.parse_args(arguments)
    budget = seconds("budget", given.budget)
    run(GROUPS[given.group], given.data, given.model, given.seed, given.normalisation, given.seasons, budget)


def run(
    group: str, data: Path, model: str, seed: int, normalisation: str, seasons: str, budget: float | None = None
) -> None:
    """Check Naive2, then train, forecast and print."""
    begun = time.monotonic()
    season, *published = PUBLISHED[group]
    check_naive2(group, data)
    panel, actual = panel_of(read(data, group, "train"), season), np.stack(read(data, group, "test"))
    told_panel = panel if seasons == "competition" else with_seasons_of(panel, STEPS[group])
    levels = quantile_levels(LEVELS)
    with progress_bar(f"fitting {model}") as progress:
        setup = Setup(
            *(actual.shape[1], told_panel.season, levels, seed),
            longer=told_panel.longer,
            unshown=told_panel.unshown,
            budget=budget,
            normalisation=normalisation,
            progress=progress,
        )
        learner = CONTESTANTS[model].make(setup)
        learner.fit(told_panel)
        forecast = learner.predict(told_panel)
    smape, mase = errors(panel, actual, forecast.median)
    told = ", ".join([learner.name, *told_panel.notes, normalisation, f"seed {seed}"])
    print(f"M4 {group}, {told}: {len(panel)} series, horizon {actual.shape[1]}")
    print(f"sMAPE {smape:.3f}  MASE {mase:.3f}  OWA {owa(smape, mase, *published):.3f}")
    print(f"MSIS {msis(panel, actual, forecast):.2f}, of the {MSIS_LEVEL} % interval")
    for level in LEVELS:
        inside = metrics.coverage(actual, *forecast.interval(level))
        print(f"inside the {level} % interval: {inside:.1f} %")
    print(f"{time.monotonic() - begun:.0f} s, everything included", flush=True)


def check_naive2(group: str, data: Path) -> None:
    """Stop unless Naive2's two published figures come out to the last digit."""
    season, *published = PUBLISHED[group]
    found = [round(figure, 3) for figure in figures(data, group, season)]
    if found != published:
        sys.exit(f"Naive2 gives {found}, published are {published}: the data or a measure is off")


def panel_of(series: list[Floats], season: int) -> Panel:
    """The series of one group; the competition's time stamps play no part, so time is a counter."""
    ids = tuple(str(row) for row in range(1, len(series) + 1))
    return Panel(ids, tuple(np.arange(len(values)) for values in series), tuple(series), Frequency("1"), season)


def with_seasons_of(panel: Panel, step: str) -> Panel:
    """The panel with the seasons that the series show of those of this step of the calendar."""
    dated = replace(panel, frequency=Frequency(step), assumed=True)
    shown = with_seasons(dated, held_back=0)
    return replace(shown, frequency=panel.frequency)


def errors(panel: Panel, actual: Floats, forecast: Floats) -> tuple[float, float]:
    """sMAPE and MASE, each a mean over series."""
    scale = np.array([metrics.seasonal_scale(values, panel.season) for values in panel.values])
    smape = metrics.smape(actual, forecast).mean()
    return float(smape), float(metrics.mase(actual, forecast, scale).mean())


def msis(panel: Panel, actual: Floats, forecast: Quantiles) -> float:
    """Mean scaled interval score, a mean over series: what the competition ranked intervals by."""
    scale = np.array([metrics.seasonal_scale(values, panel.season) for values in panel.values])
    return float(metrics.msis(actual, *forecast.interval(MSIS_LEVEL), MSIS_LEVEL, scale).mean())


def owa(smape: float, mase: float, naive2_smape: float, naive2_mase: float) -> float:
    """Overall weighted average of the M4 competition: both measures relative to Naive2's, averaged."""
    return (smape / naive2_smape + mase / naive2_mase) / 2


if __name__ == "__main__":
    main(sys.argv[1:])
