"""Labelled series: those of NAB's files that may be looked at, and SKAB's."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from gatewise.tables.panel import Floats

from ..data import FOLDER
from .vus import Range

NAB = FOLDER / "nab.tar.gz"
HELD_OUT = ("realTraffic", "realTweets")
_WINDOWS = "labels/combined_windows.json"


@dataclass(frozen=True)
class Series:
    """One file. name: folder and file. values: (T, sensors). windows: ranges of rows that are anomalous."""

    name: str
    values: Floats
    windows: tuple[Range, ...]

    @property
    def group(self) -> str:
        """The folder."""
        return self.name.split("/")[0]


def nab(path: Path = NAB) -> Iterator[Series]:
    """The files in NAB's archive, without those that are held out."""
    with tarfile.open(path) as archive:

        def text(name: str) -> str:
            member = archive.extractfile(name)
            assert member is not None, name
            return member.read().decode()

        windows = json.loads(text(_WINDOWS))
        names = [name.removeprefix("data/") for name in archive.getnames() if name.endswith(".csv")]
        for name in sorted(names):
            if name.startswith(HELD_OUT):
                continue
            frame = pd.read_csv(StringIO(text(f"data/{name}")), parse_dates=["timestamp"])
            times = pd.Index(frame["timestamp"])
            ranges = tuple((_first(times, begin), _first(times, end)) for begin, end in windows[name])
            yield Series(name, frame[["value"]].to_numpy(np.float64), ranges)


def _first(times: pd.Index, time: str) -> int:
    """The first row of a time; clocks that are set back show some twice."""
    return int(np.argmax(times == pd.Timestamp(time)))


def skab(folder: Path) -> Iterator[Series]:
    """The 34 files with an anomaly in a copy of SKAB's data."""
    for path in sorted(folder.glob("*/*.csv")):
        frame = pd.read_csv(path, sep=";")
        if "anomaly" in frame:
            sensors = frame.drop(columns=["datetime", "anomaly", "changepoint"]).to_numpy(np.float64)
            yield Series(f"{path.parent.name}/{path.name}", sensors, ranges_of(frame["anomaly"].to_numpy() > 0))


def ranges_of(marked: np.ndarray) -> tuple[Range, ...]:
    """The runs of marked rows."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marked.astype(np.int8), [0]])))
    return tuple((int(start), int(end) - 1) for start, end in zip(edges[::2], edges[1::2], strict=True))
