"""The sets of the validation suite, each read when it is asked for."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pandas as pd

from gatewise.synthetic import FAMILIES, Frame
from gatewise.tables.panel import Floats

from ..data import FOLDER
from ..m4_naive2 import read as read_m4
from .corpus import series

MOST = 64  # series of a set
LONGEST = 2048  # steps of a history


@dataclass(frozen=True)
class ValidationSet:
    """Series with their last steps held back.

    Attributes:
        name: Of the set.
        histories: What a forecaster sees of each series; no value is missing.
        actual: The ``horizon`` steps after it.
        horizon: Steps to forecast, H.
        season: As a forecaster is told it.
        second_season: As a forecaster may be told it; 1 for none.
        scale_season: That of the seasonal naive, and of MASE's scale.
    """

    name: str
    histories: list[Floats]
    actual: list[Floats]
    horizon: int
    season: int
    second_season: int
    scale_season: int


@dataclass(frozen=True)
class Told:
    """What a set is cut by. shortest, longest: of histories; drawn between them, in logarithms, by the series' name."""

    horizon: int
    season: int
    second_season: int = 1
    scale_season: int | None = None
    shortest: int = LONGEST
    longest: int = LONGEST


Named = Iterable[tuple[str, Floats]]


def cut(name: str, told: Told, found: Named) -> ValidationSet:
    """A set of at most so many of the series, evenly taken from all of them."""
    whole = [(key, values) for key, values in found if _usable(values, told)]
    taken = [whole[place] for place in np.unique(np.linspace(0, len(whole) - 1, min(MOST, len(whole))).astype(int))]
    histories = [values[: -told.horizon][-_length(key, told) :] for key, values in taken]
    actual = [values[-told.horizon :] for _, values in taken]
    scale_season = told.season if told.scale_season is None else told.scale_season
    return ValidationSet(name, histories, actual, told.horizon, told.season, told.second_season, scale_season)


def _usable(values: Floats, told: Told) -> bool:
    """Long enough, nothing missing at the end, and not constant there."""
    season = told.season if told.scale_season is None else told.scale_season
    end = values[-told.horizon - min(told.shortest, len(values)) :]
    long = len(values) >= told.horizon + max(2 * season + 1, 10)
    return long and not np.isnan(values).any() and len(np.unique(end[: -told.horizon])) > 3


def _length(key: str, told: Told) -> int:
    share = zlib.crc32(key.encode()) / 2**32
    return round(told.shortest * (told.longest / told.shortest) ** share)


def _m4(group: str) -> Iterator[tuple[str, Floats]]:
    """The training part alone: the competition's test stays unseen."""
    for number, values in enumerate(read_m4(FOLDER / "m4", group, "train")):
        yield f"{group} {number}", values


@cache
def _zipped(archive: str, member: str) -> pd.DataFrame:
    with zipfile.ZipFile(FOLDER / archive) as opened:
        name = next(each for each in opened.namelist() if each.endswith(member))
        return pd.read_csv(io.BytesIO(opened.read(name)), encoding="latin-1")


def _windows(archive: str, members: Iterable[str], count: int, horizon: int) -> Iterator[tuple[str, Floats]]:
    """Each channel up to a few moments that are evenly spread."""
    for member in members:
        for column, values in _zipped(archive, member).select_dtypes("number").items():
            yield from _parts(count, horizon, [(f"{member} {column}", values.to_numpy(np.float64))])


def _loads(season: int, count: int, horizon: int) -> Iterator[tuple[str, Floats]]:
    return _parts(count, horizon, _recorded(season, "grid loads"))


def _recorded(season: int, *sets: str) -> Iterator[tuple[str, Floats]]:
    for each in series("validation"):
        if each.season == season and each.set in sets:
            yield f"{each.set} {each.name}", each.values


def _parts(count: int, horizon: int, named: Named) -> Iterator[tuple[str, Floats]]:
    """Each of some long series up to a few moments that are evenly spread."""
    for name, values in named:
        for end in np.linspace(min(LONGEST + horizon, len(values)), len(values), count).astype(int):
            yield f"{name} {end}", values[max(end - LONGEST - horizon, 0) : end]


def _drawn(family: str, season: int, length: int) -> Iterator[tuple[str, Floats]]:
    """Series of one of our families, as it makes them."""
    one = np.full(MOST, season)
    frame = Frame(np.random.default_rng(20), length, one, np.ones_like(one))
    for number, values in enumerate(FAMILIES[family].make(frame)):
        yield f"{family} {number}", values


_BUSINESS = ("australian retail", "australian livestock", "australian medicines")
_HOURS, _QUARTERS = ("ETTh1.csv", "ETTh2.csv"), ("ETTm1.csv", "ETTm2.csv")

SOURCES: dict[str, tuple[Told, Callable[[], Named]]] = {
    "M4 hourly, training part": (Told(48, 24, 168), partial(_m4, "Hourly")),
    "M4 weekly, training part": (Told(13, 52, scale_season=1), partial(_m4, "Weekly")),
    "ETT hours": (Told(48, 24, 168), partial(_windows, "ett/ETT-small.zip", _HOURS, 4, 48)),
    "ETT quarter hours": (Told(96, 96, 672), partial(_windows, "ett/ETT-small.zip", _QUARTERS, 4, 96)),
    "weather, ten minutes": (Told(72, 144), partial(_windows, "weather/weather.zip", ["weather.csv"], 3, 72)),
    "loads, hours": (Told(48, 24, 168), partial(_loads, 24, 4, 48)),
    "loads, half hours": (Told(48, 48, 336), partial(_loads, 48, 4, 48)),
    "loads, days": (Told(14, 7), partial(_loads, 7, 1, 14)),
    "employment, months": (Told(18, 12), partial(_recorded, 12, "american employment")),
    "retail, months": (Told(18, 12, shortest=48, longest=300), partial(_recorded, 12, "australian retail")),
    "livestock, months": (Told(18, 12, shortest=48, longest=200), partial(_recorded, 12, "australian livestock")),
    "medicines, months": (Told(18, 12, shortest=36, longest=150), partial(_recorded, 12, "australian medicines")),
    "business, quarters": (Told(8, 4, shortest=16, longest=60), partial(_recorded, 4, *_BUSINESS)),
    "business, years": (Told(4, 1, shortest=10, longest=30), partial(_recorded, 1, *_BUSINESS)),
    "economies, years": (Told(6, 1, shortest=14, longest=50), partial(_recorded, 1, "economies")),
    "online shop, days": (Told(28, 7), partial(_recorded, 7, "online shop")),
    "online shop, weeks": (Told(8, 52, scale_season=1), partial(_recorded, 52, "online shop")),
    "synthetic walks": (Told(12, 1, shortest=40, longest=160), partial(_drawn, "random walk", 1, 172)),
    "synthetic business": (Told(18, 12, shortest=48, longest=160), partial(_drawn, "business", 12, 178)),
}


@cache
def _set(name: str) -> ValidationSet:
    told, source = SOURCES[name]
    return cut(name, told, source())


SUITE: dict[str, Callable[[], ValidationSet]] = {name: partial(_set, name) for name in SOURCES}
"""Every set by its name, made when it is called."""
