"""Pass lines in words and as code."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from ..cpu.result import Verdict
from .task import Outcomes


@dataclass(frozen=True)
class EverySeed:
    """A figure of a contender lies between low and high, both included, with every single seed."""

    contender: str
    figure: str
    low: float = -math.inf
    high: float = math.inf

    @property
    def judged(self) -> tuple[str, ...]:
        """The one."""
        return (self.contender,)

    def judge(self, outcomes: Outcomes) -> Verdict:
        """By the seeds furthest out."""
        values = [outcome.figures[self.figure] for outcome in outcomes[self.contender]]
        holds = all(self.low <= value <= self.high for value in values)  # a NaN fails
        return Verdict(f"{self.contender}: {self.figure} {self._range()} with every seed", spread(values), holds)

    def _range(self) -> str:
        if self.low == self.high:
            return f"exactly {number(self.low)}"
        if math.isinf(self.high):
            return f"at least {number(self.low)}"
        return f"at most {number(self.high)}" if math.isinf(self.low) else f"{number(self.low)} to {number(self.high)}"


@dataclass(frozen=True)
class Apart:
    """The mean over seeds of a contender's figure, less that of another, lies between low and high."""

    contender: str
    other: str
    figure: str
    low: float = -math.inf
    high: float = math.inf

    @property
    def judged(self) -> tuple[str, ...]:
        """Both."""
        return (self.contender, self.other)

    def judge(self, outcomes: Outcomes) -> Verdict:
        """By the difference of the means."""
        mean, other = (
            statistics.fmean(outcome.figures[self.figure] for outcome in outcomes[name])
            for name in (self.contender, self.other)
        )
        bound = f"at least {self.low:+g}" if math.isinf(self.high) else f"at most {self.high:+g}"
        goal = f"{self.contender}: mean {self.figure} {bound} from that of {self.other}"
        return Verdict(goal, f"{mean - other:+.3f}", self.low <= mean - other <= self.high)


def spread(values: list[float]) -> str:
    """Mean, and from the lowest to the highest."""
    low, high = min(values), max(values)
    if low == high or len(values) == 1:
        return number(values[0])
    return f"{number(statistics.fmean(values))} ({number(low)} to {number(high)})"


def number(value: float) -> str:
    """Four digits, whole numbers whole."""
    whole = math.isfinite(value) and value == int(value) and abs(value) < 1e7
    return f"{value:.0f}" if whole else f"{value:.4g}"
