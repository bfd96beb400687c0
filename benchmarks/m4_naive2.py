"""Naive2, the yardstick of the M4 competition, and proof that it gives the published figures.

    python benchmarks/m4_naive2.py ../shared/data/m4

Naive2 is the naive forecast of the seasonally adjusted series. A series is adjusted by classical
multiplicative decomposition where the autocorrelation at its season is significant at 90 % (Makridakis,
Spiliotis & Assimakopoulos 2020, doi:10.1016/j.ijforecast.2019.04.014, and the competition's R code).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.tsa.seasonal import seasonal_decompose

from gatewise.models.forecast.metrics import mase, seasonal_scale, smape
from gatewise.models.forecast.seasonality import is_significant

Floats = NDArray[np.float64]

# Group: season, published sMAPE and MASE of Naive2.
PUBLISHED = {"Hourly": (24, 18.383, 2.395), "Weekly": (1, 9.161, 2.777)}


def naive2(values: Floats, season: int, horizon: int) -> Floats:
    """The ``horizon`` steps after the series, shape (horizon,)."""
    if not is_significant(values, season):
        return np.full(horizon, values[-1])
    index = np.asarray(seasonal_decompose(values, model="multiplicative", period=season).seasonal)
    return values[-1] / index[-1] * np.resize(index[-season:], horizon)


def read(folder: Path, group: str, part: str) -> list[Floats]:
    """The series of one file of the competition: one a row, blank at the end."""
    table = pd.read_csv(folder / f"{group}-{part}.csv.gz", index_col=0).to_numpy(float)
    return [row[~np.isnan(row)] for row in table]


def figures(folder: Path, group: str, season: int) -> tuple[float, float]:
    """Naive2's sMAPE and MASE on one group, each averaged over the series."""
    return figures_of(read(folder, group, "train"), np.stack(read(folder, group, "test")), season)


def figures_of(train: list[Floats], test: Floats, season: int) -> tuple[float, float]:
    """Naive2's sMAPE and MASE on these series, each averaged over them."""
    forecast = np.stack([naive2(values, season, test.shape[1]) for values in train])
    scale = np.array([seasonal_scale(values, season) for values in train])
    return float(smape(test, forecast).mean()), float(mase(test, forecast, scale).mean())


def main(folder: str) -> int:
    """Print what was found beside what was published; 1 where a digit differs."""
    wrong = 0
    for group, (season, *published) in PUBLISHED.items():
        found = [round(figure, 3) for figure in figures(Path(folder), group, season)]
        wrong += found != published
        print(f"{group}: sMAPE {found[0]:.3f}, MASE {found[1]:.3f}; published {published[0]:.3f}, {published[1]:.3f}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
