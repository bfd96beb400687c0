"""The series: each a history, the window that came next, and the season that a user would name."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gatewise.tables.panel import Floats

from ..m4_naive2 import read

DAY, WEEK = 24, 7


@dataclass(frozen=True)
class Trial:
    """One series of a set: history (T,), what came next (H,), and its season.

    moment: what ended at the same time in the same place shares a moment, and is no evidence of its own; its own name
    where a series has nothing to do with the others.
    """

    name: str
    history: Floats
    future: Floats
    season: int
    moment: str


Source = Callable[[Path], Iterator[Trial]]


def m4_weekly(data: Path) -> Iterator[Trial]:
    """Every third weekly series of M4, its last 160 values."""
    yield from _m4(data / "m4", "Weekly", every=3, most=160, horizon=13, season=1)


def m4_hourly(data: Path) -> Iterator[Trial]:
    """Every sixth hourly series of M4, its last two weeks, a day ahead."""
    yield from _m4(data / "m4", "Hourly", every=6, most=14 * DAY, horizon=DAY, season=DAY)


def _m4(folder: Path, group: str, *, every: int, most: int, horizon: int, season: int) -> Iterator[Trial]:
    parts = read(folder, group, "train")[::every], read(folder, group, "test")[::every]
    for number, (history, future) in enumerate(zip(*parts, strict=True)):
        name = f"{group}-{number * every}"
        yield Trial(name, history[-most:], future[:horizon], season, name)


def ett(data: Path) -> Iterator[Trial]:
    """Seven channels of two transformers at twelve times, hours, a day ahead."""
    with zipfile.ZipFile(data / "ett" / "ETT-small.zip") as archive:
        for member in sorted(name for name in archive.namelist() if name.endswith(("ETTh1.csv", "ETTh2.csv"))):
            table = pd.read_csv(io.BytesIO(archive.read(member)))
            yield from _hours(member, table.iloc[:, 1:], ends=range(1560, len(table), 1440))


def weather(data: Path) -> Iterator[Trial]:
    """Twenty-one channels at eight times, means of hours, a day ahead."""
    with zipfile.ZipFile(data / "weather" / "weather.zip") as archive:
        (member,) = (name for name in archive.namelist() if name.endswith(".csv"))
        table = pd.read_csv(io.BytesIO(archive.read(member)), encoding="latin1")
    hours = _means(table.iloc[:, 1:], 6)
    yield from _hours("weather", hours, ends=range(1000, len(hours), 1100))


def electricity(data: Path) -> Iterator[Trial]:
    """Demand and temperature of Victoria at fifteen times, means of days, two weeks ahead."""
    table = pd.read_csv(data / "covariates" / "vic_electricity.csv.gz").select_dtypes("number").iloc[:, :2]
    days = _means(table, 48)
    for name in days:
        for end in range(220, 1090, 60):
            yield _cut("days", name, days[name].to_numpy(np.float64)[:end], 2 * WEEK, 200, WEEK)


def random_walks(data: Path) -> Iterator[Trial]:
    """Two hundred of 120 steps, a dozen ahead: nothing beats the naive forecast."""
    walks = 100 + np.random.default_rng(0).normal(size=(200, 132)).cumsum(axis=1)
    for number, walk in enumerate(walks):
        yield Trial(f"walk-{number}", walk[:-12], walk[-12:], 1, f"walk-{number}")


def _hours(source: str, table: pd.DataFrame, ends: Sequence[int]) -> Iterator[Trial]:
    for name in table:
        for end in ends:
            yield _cut(source, name, table[name].to_numpy(np.float64)[:end], DAY, 14 * DAY, DAY)


def _cut(source: str, name: str, values: Floats, horizon: int, most: int, season: int) -> Trial:
    end = len(values)
    moment = f"{source}-{end}"
    return Trial(f"{source}-{name}-{end}", values[:-horizon][-most:], values[-horizon:], season, moment)


def _means(table: pd.DataFrame, count: int) -> pd.DataFrame:
    whole = table.iloc[: len(table) // count * count]
    means = whole.to_numpy(np.float64).reshape(-1, count, whole.shape[1]).mean(axis=1)
    return pd.DataFrame(means, columns=whole.columns)


SETS: Mapping[str, Source] = {
    "m4_weekly": m4_weekly,
    "m4_hourly": m4_hourly,
    "ett": ett,
    "weather": weather,
    "electricity": electricity,
    "random_walks": random_walks,
}
