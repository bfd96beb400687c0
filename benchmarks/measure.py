"""Timing on a machine that drifts: contenders take turns, and only what was measured side by side is compared."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

Call = Callable[[], object]

# A sample is this long; shorter calls are repeated within one, as a program that uses a layer does.
_SAMPLE = 20e-3
_FEWEST_ROUNDS = 5
_ROUNDS_BEFORE = 2  # until memory has come from the system, and who disturbs whom has settled


@dataclass(frozen=True)
class Samples:
    """Seconds a call of every contender, one in each round; all lists are equally long."""

    seconds: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        """Seconds a call."""
        return statistics.median(self.seconds[name])

    def ratio(self, slower: str, faster: str) -> Ratio:
        """How many times as long one takes as the other."""
        ratios = sorted(a / b for a, b in zip(self.seconds[slower], self.seconds[faster], strict=True))
        low, middle, high = statistics.quantiles(ratios, n=4)
        return Ratio(middle, low, high)


@dataclass(frozen=True)
class Ratio:
    """The median over rounds, and the quartiles around it."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def alternately(contenders: Mapping[str, Call], seconds: float) -> Samples:
    """Time all of them in turns, for about so many seconds in all."""
    counts = {name: _calls_in_a_sample(call) for name, call in contenders.items()}
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(_ROUNDS_BEFORE):
        for name, call in contenders.items():
            _timed(call, counts[name])
    order, end = list(contenders), time.perf_counter() + seconds
    while time.perf_counter() < end or len(found[order[0]]) < _FEWEST_ROUNDS:
        for name in list(order):
            found[name].append(_timed(contenders[name], counts[name]))
        order.append(order.pop(0))  # who goes first changes
    return Samples(found)


def geometric_mean(numbers: Iterable[float]) -> float:
    """The mean for ratios."""
    return math.exp(statistics.fmean(math.log(number) for number in numbers))


def _calls_in_a_sample(call: Call) -> int:
    call()  # whatever happens only once
    return max(1, math.ceil(_SAMPLE / min(_timed(call, 1) for _ in range(3))))


def _timed(call: Call, count: int) -> float:
    begun = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - begun) / count
