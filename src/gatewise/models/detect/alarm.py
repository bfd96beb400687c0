"""When an alert begins: a surprise that the own past shows more rarely than the budget allows."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from .tails import WINDOW, Recent

REST = 96
"""An alert begins with nothing but the largest surprise of so many rows."""
QUIET = 8
"""Rows without any as large after which an alert is over, and another may begin."""
TOP = 0.1
"""The share of rows to which the tail is fitted."""
MILDEST = 1.0
"""Surprises, in decades, that are none, however large the budget."""
LARGEST = math.log10(1 + WINDOW)
"""The largest that there is."""


@dataclass
class Alarm:
    """The surprises of one series so far.

    Surprises that are the largest of the latest `REST` rows make an episode, until none comes for `QUIET` rows. A past
    that is long enough for the budget tells the level that its episodes passed no more often. Before that it is that
    of an exponential tail through the largest tenth of all rows, as the sum of logarithms of tail probabilities has
    one.

    Attributes:
        rate: Alerts that may begin, a row.
        rows: How many were seen.
        surprises: The latest, one a row.
        peaks: The largest surprise of each episode that is over.
        peak: That of the episode that is not.
        risen: The row of its latest surprise; `rows` are counted from 0.
        bound: What the surprise was to exceed when the latest alert began; infinite where none did.
        exceeded: The latest row of that alert.
    """

    rate: float
    rows: int = 0
    surprises: Recent = field(default_factory=Recent)
    peaks: Recent = field(default_factory=Recent)
    peak: float = 0.0
    risen: int = 0
    bound: float = math.inf
    exceeded: int = 0

    def __post_init__(self) -> None:
        self._latest = deque(self.surprises.past, REST)

    @property
    def is_raised(self) -> bool:
        """Whether an alert has begun, and its end is not known yet."""
        return self.bound < math.inf and self.rows - self.exceeded <= QUIET

    @property
    def is_exceeded(self) -> bool:
        """Whether the latest row belongs to an alert."""
        return self.bound < math.inf and self.rows - 1 == self.exceeded

    @property
    def level(self) -> float:
        """What the next surprise is to exceed."""
        if not self.surprises.tells:
            return math.inf
        allowed = math.floor(self.rate * (self.rows + 1)) - 1
        level = self._beyond() if allowed < 0 else self._passed(allowed)
        return max(level, MILDEST)

    def begins(self, surprise: float, certain: bool) -> bool:
        """Add a row; whether an alert begins with it. certain: whatever the budget says, unless it is in one."""
        level, first = self.level, not self.is_raised
        highest = surprise > max(self._latest, default=0.0)
        if highest:
            self._rise(surprise)
        begins = first and (certain or (highest and surprise > level))
        if begins:
            self.bound = min(level, LARGEST)
        if begins or certain or (surprise > self.bound and not first):  # an alert that is over does not go on
            self.exceeded = self.rows
        self.surprises.add(surprise)
        self._latest.append(surprise)
        self.rows += 1
        return begins

    def _rise(self, surprise: float) -> None:
        if self.rows - self.risen > QUIET:
            self.peaks.add(self.peak)
            self.peak = 0.0
        self.peak, self.risen = max(self.peak, surprise), self.rows

    def _passed(self, allowed: int) -> float:
        """The level that so many episodes passed."""
        ranked = self.peaks.ranked
        return ranked[-1 - allowed] if allowed < len(ranked) else 0.0

    def _beyond(self) -> float:
        """The level that the tail of all rows passes at the rate."""
        ranked = self.surprises.ranked
        top = max(int(TOP * len(ranked)), 1)
        edge = ranked[-1 - top]
        excess = math.fsum(ranked[-top:]) / top - edge
        return edge + excess * max(math.log(top / len(ranked) / self.rate), 0.0)
