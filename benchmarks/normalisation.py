"""What the causal normalisation costs in accuracy: the same network trained on windows and on patches.

    python -m benchmarks normalisation [--seeds 3] [--every 3]

Of the hourly and weekly series of the M4 competition (see `m4`) every third, and one network of 64 units with 800 steps
of 128 windows, which is a third of the default forecaster or less. Every figure is the median over the seeds, with the
least and the greatest, but OWA that of the two medians, relative to Naive2 on the same series. How the network is made
was settled by figures of these two sets: to it they are development sets, and do not say how it does on others.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from unittest.mock import patch

import numpy as np
import torch

from gatewise.models.forecast import metrics
from gatewise.models.forecast.model import NORMALISATIONS
from gatewise.models.forecast.network.lstm_model import LSTMModel
from gatewise.models.forecast.network.settings import Settings
from gatewise.models.forecast.results import quantile_levels
from gatewise.tables.panel import Floats, Panel

from .m4 import DATA, GROUPS, LEVELS, errors, owa, panel_of
from .m4_naive2 import PUBLISHED, figures_of, read


def main(arguments: Sequence[str]) -> None:
    """Train, forecast and print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks normalisation", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--every", type=int, default=3, help="take every so many-th series")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the competition's files")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print("| M4 | normalisation | sMAPE | MASE | OWA | in 80 % | in 95 % | seconds to fit |")
    print("|---|---|---|---|---|---|---|---|")
    for group in GROUPS.values():
        season, *_ = PUBLISHED[group]
        train, test = (read(given.data, group, part)[:: given.every] for part in ("train", "test"))
        panel, actual = panel_of(train, season), np.stack(test)
        naive2 = figures_of(train, actual, season)
        for normalisation in NORMALISATIONS:
            runs = [figures(panel, actual, season, normalisation, seed) for seed in range(given.seeds)]
            cells = [_cell(one, digits) for one, digits in zip(zip(*runs, strict=True), (2, 3, 1, 1, 0), strict=True)]
            smape, mase = (median(run[place] for run in runs) for place in (0, 1))
            cells.insert(2, f"{owa(smape, mase, *naive2):.3f}")
            print(f"| {group}, {len(panel)} series | {normalisation} | {' | '.join(cells)} |", flush=True)


def figures(panel: Panel, actual: Floats, season: int, normalisation: str, seed: int) -> list[float]:
    """sMAPE, MASE, the percents inside the intervals, and seconds of training."""
    model = LSTMModel(
        actual.shape[1], season=season, levels=quantile_levels(LEVELS), seed=seed, normalisation=normalisation
    )
    begun, of = time.monotonic(), Settings.of
    with patch.object(Settings, "of", lambda *sizes: replace(of(*sizes), members=1, hidden=64, batch=128, steps=800)):
        model.fit(panel)
    seconds, forecast = time.monotonic() - begun, model.predict(panel)
    smape, mase = errors(panel, actual, forecast.median)
    inside = [metrics.coverage(actual, *forecast.interval(level)) for level in LEVELS]
    return [smape, mase, *inside, seconds]


def _cell(found: Sequence[float], digits: int) -> str:
    low, high = min(found), max(found)
    return f"{median(found):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


if __name__ == "__main__":
    main(sys.argv[1:])
