"""Day-ahead prices of electricity: the 24 hours of each day of two years, forecast at the end of the day before.

    python -m benchmarks epf np               # or pjm, fr; --every 28 for every 28th day only

The files epf_{NP,PJM,FR}.csv.gz (thuml/TimeXer, from epftoolbox) are read from ../shared/data/covariates or from
--data. Each has the price and two forecasts of load or generation, made the day before, which are known ahead. The last
728 days are forecast, as in any backtest. The model learns anew before every one of them from what came before, and so
do the ensembles of the benchmark, whose published figures stand beside. The stretches, the kernels and what each counts
were found on every eighth day of NP and PJM; BE and DE are held out: nothing was chosen by them.

Lago, Marcjasz, De Schutter & Weron, "Forecasting day-ahead electricity prices", doi:10.1016/j.apenergy.2021.116983.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gatewise.models.forecast.model import Setup
from gatewise.models.forecast.regression.direct import RollingDirect
from gatewise.progress import progress_bar
from gatewise.tables.options import CovariateOptions, ReadOptions
from gatewise.tables.panel import Floats, Panel
from gatewise.tables.supplied import panel_with_covariates

from ..data import FOLDER

DATA = FOLDER / "covariates"
DAYS, HOURS, WEEK = 728, 24, 7
PUBLISHED = {"NP": (1.738, 1.683), "PJM": (3.013, 2.862), "FR": (3.980, 3.866)}
"""MAE of the ensembles of LEAR and of DNN models, of their published forecasts."""


def main(arguments: Sequence[str]) -> None:
    """Forecast one market and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks epf", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("market", type=str.upper, help="np, pjm or fr, or another of which the file is there")
    parser.add_argument("--every", type=int, default=1, metavar="DAYS", help="forecast only every so many days")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the files")
    given = parser.parse_args(arguments)
    run(given.market, given.data, given.every)


def run(market: str, data: Path, every: int) -> None:
    """Read, forecast and print."""
    begun, panel = time.monotonic(), read(data / f"epf_{market}.csv.gz")
    days = list(range(DAYS, 0, -every))
    with progress_bar(f"{market}") as progress:
        forecast = np.empty((len(days), HOURS))
        model = RollingDirect(Setup(HOURS, HOURS, (0.5,), longer=(WEEK * HOURS,)))
        for row, back in enumerate(days):
            forecast[row] = model.predict(panel.without_last(back * HOURS)).median[0]
            if progress:
                progress((row + 1) / len(days), f"day {row + 1} of {len(days)}")
    actual, naive = (np.stack([_day(panel, back + lag) for back in days]) for lag in (0, WEEK))
    error = mae(actual, forecast)
    smape = 200 * np.mean(np.abs(actual - forecast) / (np.abs(actual) + np.abs(forecast)))
    print(f"{market}: {len(days)} days, MAE {error:.3f}, sMAPE {smape:.2f} %, rMAE {error / mae(actual, naive):.3f}")
    if market in PUBLISHED:
        print("published MAE: LEAR {:.3f}, DNN {:.3f}".format(*PUBLISHED[market]))
    print(f"{time.monotonic() - begun:.0f} s, everything included", flush=True)


def read(path: Path) -> Panel:
    """The prices of a market with the two forecasts that are known ahead."""
    frame = pd.read_csv(path, skipinitialspace=True)
    ahead = list(frame.columns[1:3])
    options = ReadOptions(time=frame.columns[0], target=frame.columns[3], season=HOURS)
    return panel_with_covariates(frame, options, CovariateOptions(ahead), horizon=HOURS)


def _day(panel: Panel, back: int) -> Floats:
    """The day that ends so many days, less one, before the end."""
    values = panel.values[0]
    start = len(values) - back * HOURS
    return values[start : start + HOURS]


def mae(actual: Floats, forecast: Floats) -> float:
    """Mean absolute error."""
    return float(np.abs(actual - forecast).mean())


if __name__ == "__main__":
    main(sys.argv[1:])
