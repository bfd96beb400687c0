"""A river basin of CAMELS, and an LSTM that forecasts its flow from the weather alone.

Addor et al., The CAMELS data set, doi:10.5194/hess-21-5293-2017; the model after Kratzert et al., Rainfall-runoff
modelling using LSTM networks, doi:10.5194/hess-22-6005-2018, with one layer and a single basin.
"""

from __future__ import annotations

import tarfile
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from gatewise.nn import LSTM
from gatewise.nn.init import chrono_
from gatewise.training import Drawn, Trainer
from gatewise.training.torch_state import at_most_threads

WEATHER = ("precipitation", "temperature", "sunshine", "humidity", "day length")
CUBIC_FOOT, DAY = 0.0283168, 86400
UNITS, MEMORY, STEPS, ROWS, RATE = 16, 200, 300, 16, 1.5e-2
DAYS, WARM_UP = 730, 365  # of a stretch that is trained on, and how many of them are not scored
TRAINED = 0.6  # of the record; the rest is for the test


class Basin(NamedTuple):
    """A basin's record. weather: (T, 5), each in a natural unit with a natural zero: no rain, freezing, darkness, dry
    air, a day of twelve hours. flow: (T,), in standard deviations; ``unit`` mm a day are one of them."""

    dates: pd.DatetimeIndex
    weather: Tensor
    flow: Tensor
    unit: float

    @property
    def days_trained(self) -> int:
        """How many days the model may learn from."""
        return int(TRAINED * len(self.flow))


def read(path: str | Path, basin: str) -> Basin:
    """A basin out of a .tar.gz archive with CAMELS' folders. basin: its gauge, such as ``09035900``."""
    with tarfile.open(path) as archive:
        forcing = _text(archive, f"{basin}_lump_nldas_forcing_leap.txt")
        gauge = _text(archive, f"{basin}_streamflow_qc.txt")
    days = pd.read_csv(BytesIO(forcing), sep=r"\s+", skiprows=4, header=None).drop(columns=3)
    days.columns = ["year", "month", "day", "seconds", "rain", "sun", "snow", "warmest", "coldest", "vapour"]
    flow = pd.read_csv(BytesIO(gauge), sep=r"\s+", header=None, usecols=range(5))
    flow.columns = ["gauge", "year", "month", "day", "flow"]
    both = days.merge(flow, on=["year", "month", "day"])
    area = float(forcing.splitlines()[2])  # square metres
    mm = both.flow.to_numpy() * CUBIC_FOOT * DAY / area * 1000
    columns = (
        both.rain / both.rain.std(),
        (both.warmest + both.coldest) / 2 / 10,
        both.sun / both.sun.std(),
        both.vapour / both.vapour.std(),
        both.seconds / (DAY / 2) - 1,
    )
    weather = torch.tensor(np.stack(columns, axis=1), dtype=torch.float32)
    dates = pd.DatetimeIndex(pd.to_datetime(both[["year", "month", "day"]]))
    return Basin(dates, weather, torch.tensor(mm / mm.std(), dtype=torch.float32), float(mm.std()))


def _text(archive: tarfile.TarFile, name: str) -> bytes:
    member = next(one for one in archive.getmembers() if one.name.endswith(name))
    found = archive.extractfile(member)
    assert found is not None
    return found.read()


class River(nn.Module):
    """One LSTM layer, and the flow of every day as a weighted sum of its outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = LSTM(len(WEATHER), UNITS)
        self.head = nn.Linear(UNITS, 1)
        chrono_(self.lstm, MEMORY)

    def forward(self, weather: Tensor) -> Tensor:
        """Flow (T, B) for weather (T, B, 5)."""
        return self.head(self.lstm(weather)[0]).squeeze(-1)


def train(basin: Basin, *, seed: int = 0, steps: int = STEPS) -> River:
    """A model of the first part of the record; about half a minute."""
    torch.manual_seed(seed)
    model = River()

    def stretches(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        first = torch.randint(basin.days_trained - DAYS, (ROWS,), generator=generator)
        days = first + torch.arange(DAYS)[:, None]
        return basin.weather[days], basin.flow[days]

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        weather, flow = batch
        return (model(weather) - flow)[WARM_UP:].square().mean()

    optimizer = torch.optim.Adam(model.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    with at_most_threads(1):  # so that two machines agree
        Trainer(model, loss, Drawn(stretches, seed=seed), optimizer, schedule=schedule, seed=seed).run(steps=steps)
    return model.eval()


@torch.no_grad()
def efficiency(model: River, basin: Basin) -> float:
    """Nash and Sutcliffe's efficiency on the days that were not trained on: 1 is perfect, 0 as good as the mean."""
    flow, days = model(basin.weather[:, None])[:, 0], slice(basin.days_trained, None)
    error = (flow[days] - basin.flow[days]).square().mean()
    return 1 - float(error / basin.flow[days].var(correction=0))
