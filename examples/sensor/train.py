"""Train a small LSTM on readings that come in one at a time, and write it as C: ``python train.py FOLDER``.

The readings are the monthly passengers of an airline (Box and Jenkins, series G), as a sensor would deliver them. The
model sees by how many per cent the reading has just grown, and by how many it grew a year ago in the month to come, and
says by how many it will grow. The last two years are not trained on.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gatewise.export import to_c
from gatewise.nn import LSTM, Chain, Standardize, Unstandardize

TABLE = Path(__file__).parents[1] / "air_passengers.csv"
YEAR, HELD_OUT, UNITS, ROUNDS, RATE = 12, 24, 16, 100, 1e-2


def rows(readings: np.ndarray) -> tuple[Tensor, Tensor]:
    """Inputs (T, 2) and targets (T, 1) in per cent, the first of them for the reading after a year and a month."""
    growth = torch.tensor(100 * (readings[1:] / readings[:-1] - 1))
    return torch.stack([growth[YEAR - 1 : -1], growth[:-YEAR]], 1), growth[YEAR:, None]


def trained(x: Tensor, y: Tensor) -> Chain:
    """In float64, so that every machine comes to the same weights; the C file rounds them to float32."""
    torch.manual_seed(0)
    mean, scale = y.mean(0), y.std(0)
    model = Chain(
        Standardize(x.mean(0), x.std(0)), LSTM(2, UNITS), nn.Linear(UNITS, 1), Unstandardize(mean, scale)
    ).double()
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    for _ in range(ROUNDS):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x)[0] / scale, y / scale).backward()
        optimizer.step()
    return model


def main() -> None:
    """Train on all but the last two years and export."""
    torch.set_num_threads(1)
    x, y = rows(np.loadtxt(TABLE, delimiter=",", skiprows=1, usecols=1))
    to_c(trained(x[:-HELD_OUT], y[:-HELD_OUT]), sys.argv[1], target="cortex-m4")


if __name__ == "__main__":
    main()
