"""Hourly and weekly series of the M4 competition: how the default forecaster stands against its entries.

    python -m benchmarks m4 hourly            # or weekly; --seed 1, --model seasonal_naive, --normalisation causal

The files {Hourly,Weekly}-{train,test}.csv.gz of the competition (Mcompetitions/M4-methods) are read from
../shared/data/m4 or from --data. Nothing is chosen by the name of the set: the model is told the competition's
horizon and season, and makes the rest of its settings from the training series. Naive2's published figures are
reproduced first; if they do not come out, no figure is printed.

The default forecaster was made on these two sets: what is printed says how it does here, and not on others.

Makridakis, Spiliotis & Assimakopoulos, "The M4 Competition", doi:10.1016/j.ijforecast.2019.04.014.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gatewise.models.forecast import metrics
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS
from gatewise.models.forecast.model import NORMALISATIONS, Setup
from gatewise.models.forecast.results import MSIS_LEVEL, Quantiles, quantile_levels
from gatewise.progress import progress_bar
from gatewise.tables.panel import Floats, Frequency, Panel

from .m4_naive2 import PUBLISHED, figures, read

DATA = Path(__file__).parents[2] / "shared" / "data" / "m4"
GROUPS = {"hourly": "Hourly", "weekly": "Weekly"}
LEVELS = (80, 95)


def main(arguments: Sequence[str]) -> None:
    """Run one group of the competition and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks m4", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", choices=CONTESTANTS, default="lstm")
    parser.add_argument("--normalisation", choices=NORMALISATIONS, default=NORMALISATIONS[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the competition's files")
    given = parser.parse_args(arguments)
    run(GROUPS[given.group], given.data, given.model, given.seed, given.normalisation)


def run(group: str, data: Path, model: str, seed: int, normalisation: str) -> None:
    """Check Naive2, then train, forecast and print."""
    begun = time.monotonic()
    season, *published = PUBLISHED[group]
    check_naive2(group, data)
    panel, actual = panel_of(read(data, group, "train"), season), np.stack(read(data, group, "test"))
    levels = quantile_levels(LEVELS)
    with progress_bar(f"fitting {model}") as progress:
        told = Setup(actual.shape[1], season, levels, seed, normalisation=normalisation, progress=progress)
        learner = CONTESTANTS[model].make(told)
        learner.fit(panel)
        forecast = learner.predict(panel)
    smape, mase = errors(panel, actual, forecast.median)
    print(f"M4 {group}, {learner.name}, {normalisation}, seed {seed}: {len(panel)} series, horizon {actual.shape[1]}")
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
