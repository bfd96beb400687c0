"""The score of the Numenta Anomaly Benchmark, by its published rule.

A detection in a window is worth the more the earlier it is, and only the first counts; one outside costs the more the
farther behind a window it is; a missed window costs one. The first part of each file is not scored. One threshold for
all files is chosen so that their sum is largest, and the sum is scaled so that no detection at all gives 0 and a
perfect one 100.

Source: Lavin & Ahmad 2015, arXiv:1510.03336, and the benchmark's own program, version 1.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gatewise.tables.panel import Floats

from .vus import Range

PROBATION, LONGEST_PROBATION = 0.15, 750
STEEPNESS, FAR = 5.0, 3.0


@dataclass(frozen=True)
class Profile:
    """What is worth how much. hit: the earliest detection of a window. miss: a window without one. alarm: a detection
    far outside."""

    hit: float = 1.0
    miss: float = 1.0
    alarm: float = 0.11


PROFILES = {"standard": Profile(), "low FP": Profile(alarm=0.22), "low FN": Profile(miss=2.0)}


@dataclass(frozen=True)
class Scored:
    """A file: a detector's score of every row, (T,), and the windows."""

    score: Floats
    windows: Sequence[Range]


@dataclass(frozen=True)
class _Detection:
    """A row that a threshold may mark. level: its score. worth: if marked. window: which, counted over all files."""

    level: float
    worth: float
    window: int | None


@dataclass(frozen=True)
class NabScore:
    """value: 0 for silence, 100 for perfection. threshold: where it is largest."""

    value: float
    threshold: float


def nab_score(files: Sequence[Scored], profile: Profile = PROFILES["standard"]) -> NabScore:
    """The score over all files, at the threshold that makes it largest."""
    detections = sorted(_detections(files, profile), key=lambda one: -one.level)
    count = sum(len(file.windows) for file in files)
    total = silence = -profile.miss * len({one.window for one in detections if one.window is not None})
    best, threshold = total, math.inf
    found: dict[int, float] = {}
    for number, one in enumerate(detections):
        if one.window is None:
            total += one.worth
        else:
            before = found.get(one.window, -profile.miss)
            found[one.window] = max(before, one.worth)
            total += found[one.window] - before
        last_of_its_level = number + 1 == len(detections) or detections[number + 1].level != one.level
        if last_of_its_level and total > best:
            best, threshold = total, one.level
    return NabScore(100 * (best - silence) / (profile.hit * count - silence), threshold)


def file_score(file: Scored, threshold: float, profile: Profile = PROFILES["standard"]) -> float:
    """What the rows of one file from a threshold on are worth together, with what its missed windows cost."""
    detections = list(_detections([file], profile))
    found = {one.window: -profile.miss for one in detections if one.window is not None}
    total = 0.0
    for one in detections:
        if one.level < threshold:
            continue
        if one.window is None:
            total += one.worth
        else:
            found[one.window] = max(found[one.window], one.worth)
    return total + sum(found.values())


def _detections(files: Sequence[Scored], profile: Profile) -> Iterator[_Detection]:
    before = 0
    for file in files:
        length = len(file.score)
        probation = min(math.floor(PROBATION * length), LONGEST_PROBATION)
        for row, worth, window in _worths(file.windows, length, profile):
            if row >= probation:
                yield _Detection(float(file.score[row]), worth, None if window is None else before + window)
        before += len(file.windows)


def _worths(windows: Sequence[Range], length: int, profile: Profile) -> Iterator[tuple[int, float, int | None]]:
    """Every row, what a detection there is worth, and the window in which it is."""
    row = 0
    for number, (start, end) in enumerate(windows):
        yield from ((before, profile.alarm * _alarm(before, windows[:number]), None) for before in range(row, start))
        width = end - start + 1
        for inside in range(start, end + 1):
            yield inside, profile.hit * _sigmoid(-(end - inside + 1) / width) / _sigmoid(-1.0), number
        row = end + 1
    yield from ((behind, profile.alarm * _alarm(behind, windows), None) for behind in range(row, length))


def _alarm(row: int, before: Sequence[Range]) -> float:
    if not before:
        return -1.0
    start, end = before[-1]
    past = (row - end) / (end - start)
    return -1.0 if past > FAR else _sigmoid(past)


def _sigmoid(position: float) -> float:
    """From 1 far before the end of a window to -1 far behind it."""
    return 2 / (1 + math.exp(STEEPNESS * position)) - 1
