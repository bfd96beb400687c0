"""The command line: score every file, print the tables."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import pandas as pd

from gatewise.models.detect.alarm import REST
from gatewise.models.detect.budget import USUAL
from gatewise.models.detect.watch import FADING, Watch
from gatewise.tables.panel import Floats

from . import __doc__ as description
from .files import NAB, Series, nab, skab
from .nab import PROFILES, Scored, nab_score
from .vus import vus_pr, window_length

PERIOD_ROWS = 20_000
"""Rows by which the window of VUS-PR is told, as TSB-AD does."""
_HEADING = ("detector", "files", "rows", "VUS-PR", "faded", *(f"NAB {name}" for name in PROFILES))


@dataclass(frozen=True)
class Judged:
    """A file as a detector sees it. score: for VUS-PR, (T,). detections: for NAB, (T,), 0 where there is none."""

    series: Series
    score: Floats
    detections: Floats


def main(arguments: Sequence[str]) -> None:
    """Score the files, and print a table of each set."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m benchmarks detect", description=description, formatter_class=form)
    parser.add_argument("--nab", type=Path, default=NAB, help="archive with NAB's data and labels")
    parser.add_argument("--published", type=Path, help="the folder results of NAB's repository")
    parser.add_argument("--skab", type=Path, help="the folder data of SKAB's repository")
    parser.add_argument("--files", action="store_true", help="VUS-PR of each file too")
    given = parser.parse_args(arguments)
    begun = time.perf_counter()
    ours = [judged(series) for series in progress(list(nab(given.nab)))]
    seconds = time.perf_counter() - begun
    print(f"| {' | '.join(_HEADING)} |\n|{'---|' * len(_HEADING)}")
    for group in sorted({one.series.group for one in ours}):
        print(row(group, [one for one in ours if one.series.group == group]))
    print(row("all", ours), flush=True)
    if given.published:
        for folder in sorted(path for path in given.published.iterdir() if path.is_dir()):
            print(row(folder.name, list(published(folder, [one.series for one in ours]))), flush=True)
    if given.files:
        for one in ours:
            print(f"{one.series.name}: {vus(one):.3f}")
    if given.skab:
        found = [judged(series) for series in progress(list(skab(given.skab)))]
        print(row("SKAB", found))
        print(row("SKAB, at random", [at_random(one.series) for one in found]))
    rows = sum(len(one.score) for one in ours)
    print(f"\n{rows / seconds:,.0f} rows a second")


def progress(series: Sequence[Series]) -> Iterator[Series]:
    """The series, with their number where somebody watches."""
    for number, one in enumerate(series):
        if sys.stderr.isatty():
            print(f"\r\033[K{number + 1} of {len(series)}", end="", file=sys.stderr, flush=True)
        yield one


def judged(series: Series) -> Judged:
    """What our detector says of a file; of several sensors the mean of their surprises counts."""
    verdicts = [Watch(USUAL).read(sensor) for sensor in series.values.T]
    decades = np.mean([-np.log10(1 - one.score) for one in verdicts], axis=0)
    surprise = np.mean([one.surprise for one in verdicts], axis=0)
    return Judged(series, 1 - 10**-decades, onsets(surprise))


def at_random(series: Series) -> Judged:
    """What chance says of a file."""
    score = np.random.default_rng(0).uniform(size=len(series.values))
    return Judged(series, score, onsets(score))


def onsets(surprise: Floats) -> Floats:
    """The surprise where an alert could begin: where it is the largest of so many rows."""
    before = pd.Series(surprise).shift(fill_value=0.0).rolling(REST, min_periods=1).max().to_numpy()
    return np.where(surprise > before, surprise, 0.0)


def published(folder: Path, series: Sequence[Series]) -> Iterator[Judged]:
    """What a detector in NAB's repository says, row by row."""
    for one in series:
        path = folder / one.group / f"{folder.name}_{Path(one.name).name}"
        score = pd.read_csv(path)["anomaly_score"].to_numpy(np.float64)
        yield Judged(one, score, score)


def vus(one: Judged) -> float:
    """VUS-PR of a file, NaN where nothing is anomalous."""
    if not one.series.windows:
        return float("nan")
    return vus_pr(one.score, one.series.windows, window_length(one.series.values[:PERIOD_ROWS, 0]))


def faded(one: Judged) -> Judged:
    """With a score that fades as slowly as ours does, which changes nothing of ours."""
    return replace(one, score=np.array([*accumulate(one.score.tolist(), lambda held, new: max(new, FADING * held))]))


def row(name: str, files: Sequence[Judged]) -> str:
    """A line of the table."""
    scored = [Scored(one.detections, one.series.windows) for one in files]
    figure: Callable[[float], str] = "{:.1f}".format
    windows = any(one.series.windows for one in files)
    nabs = [figure(nab_score(scored, profile).value) if windows else "" for profile in PROFILES.values()]
    volumes = [f"{np.nanmean([vus(how(one)) for one in files]):.3f}" if windows else "" for how in (_as_it_is, faded)]
    rows = sum(len(one.score) for one in files)
    return f"| {' | '.join((name, str(len(files)), f'{rows:,}', *volumes, *nabs))} |"


def _as_it_is(one: Judged) -> Judged:
    return one


if __name__ == "__main__":
    main(sys.argv[1:])
