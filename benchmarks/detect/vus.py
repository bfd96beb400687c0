"""The volume under the surface of precision and recall (VUS-PR) of a score, whatever the threshold.

Labels widen by up to one window at both ends, with less and less weight, so that a detection beside a range still
counts in part; the average precision of the widened labels is averaged over all widths.

Source: Paparrizos et al. 2022, doi:10.14778/3551793.3551830, as TSB-AD computes it (Liu & Paparrizos 2024): 250
thresholds, each a quantile of the score, and each width's recall times the share of ranges that are met at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gatewise.models.forecast.seasonality import autocorrelation
from gatewise.tables.panel import Floats

THRESHOLDS = 250
SHORTEST, LONGEST, USUAL, MOST_LAGS = 3, 300, 125, 400
"""Windows in steps: the bounds of a period that counts as one, what stands in for it, and the lags looked at."""

Range = tuple[int, int]
"""The first and the last row of something anomalous."""


def window_length(values: Floats) -> int:
    """The widest margin for values (T,): the lag of the highest peak of their autocorrelation."""
    correlation = autocorrelation(values, min(MOST_LAGS, len(values) - 1))[SHORTEST:]
    peaks = np.flatnonzero((correlation[1:-1] > correlation[:-2]) & (correlation[1:-1] > correlation[2:])) + 1
    if not len(peaks):
        return USUAL
    best = int(peaks[np.argmax(correlation[peaks])])
    return best + SHORTEST if SHORTEST <= best <= LONGEST else USUAL


def vus_pr(score: Floats, ranges: Sequence[Range], widest: int) -> float:
    """The mean of `average_precision` over margins of 0 to ``widest`` steps.

    Args:
        score: Of every row, (T,), higher where it is more anomalous.
        ranges: Of anomalous rows, in their order, at least one.
        widest: The widest margin.
    """
    order = np.argsort(-score, kind="stable")
    cuts = np.linspace(0, len(score) - 1, THRESHOLDS).astype(int)
    levels = score[order][cuts]
    marked = np.searchsorted(-score[order], -levels, side="right")  # ties are marked together
    sweep = Sweep(score, order, levels, marked)
    return float(np.mean([sweep.average_precision(ranges, margin, widest) for margin in range(widest + 1)]))


class Sweep:
    """A score at falling thresholds.

    Args:
        score: (T,).
        order: The rows by falling score.
        levels: The thresholds, falling.
        marked: How many rows each threshold marks.
    """

    def __init__(self, score: Floats, order: NDArray[np.int64], levels: Floats, marked: NDArray[np.int64]) -> None:
        self.score, self.order, self.levels, self.marked = score, order, levels, marked

    def average_precision(self, ranges: Sequence[Range], margin: int, widest: int) -> float:
        """The area under precision over recall for labels with this margin."""
        label = widened(ranges, margin, len(self.score))
        core = widened(ranges, 0, len(self.score))
        counted = np.zeros(len(self.score))
        for start, end in merged(ranges, widest, len(self.score)):
            counted[start : end + 1] = 1
        hits = self._marked_sum(label * counted)
        outside = self._marked_sum((label - core) * counted)
        wanted = core.sum() + outside / 2
        recall = np.minimum(hits / wanted, 1) * self._met(merged(ranges, margin, len(self.score)))
        return float(np.dot(np.diff(recall, prepend=0.0), hits / self.marked))

    def _marked_sum(self, weights: Floats) -> Floats:
        return np.cumsum(weights[self.order])[self.marked - 1]

    def _met(self, ranges: Sequence[Range]) -> Floats:
        """The share of ranges in which a row is marked, at each threshold."""
        highest = np.array([self.score[start : end + 1].max() for start, end in ranges])
        return (highest >= self.levels[:, None]).mean(axis=1)


def widened(ranges: Sequence[Range], margin: int, length: int) -> Floats:
    """Labels (T,): one within the ranges, and falling from one beside them over half of the margin."""
    label = np.zeros(length)
    for start, end in ranges:
        label[start : end + 1] = 1
    for start, end in ranges:
        after = np.arange(end + 1, min(end + margin // 2 + 1, length))
        label[after] += np.sqrt(1 - (after - end) / max(margin, 1))
        before = np.arange(max(start - margin // 2, 0), start)
        label[before] += np.sqrt(1 - (start - before) / max(margin, 1))
    return np.minimum(label, 1)


def merged(ranges: Sequence[Range], margin: int, length: int) -> list[Range]:
    """The ranges with half of the margin at both ends, those that meet as one."""
    return list(_merged(ranges, margin // 2, length))


def _merged(ranges: Sequence[Range], half: int, length: int) -> Iterator[Range]:
    start = max(ranges[0][0] - half, 0)
    for (_, end), (following, _) in pairwise(ranges):
        if end + half < following - half:
            yield start, end + half
            start = following - half
    yield start, min(ranges[-1][1] + half, length - 1)
