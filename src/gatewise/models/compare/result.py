"""What comes of a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .bootstrap import Interval
from .footprint import Size
from .measure import Floats, Measure
from .speed import Speed

Claim = Literal["best", "better", "as good", "undecided", "worse"]
"""What the interval of a lead says of a model beside the best one, see `claim_of`."""

FEWEST_ITEMS = 6
"""Of fewer test items a model is ahead in all by chance more often than one time in twenty."""


@dataclass(frozen=True)
class Training:
    """How the networks of one model were trained.

    Attributes:
        validation: By learning rate, the loss on the sequences held out to choose it by; infinite after a divergence.
        rate: The one chosen, which all seeds learned with.
        seconds: Wall clock of each seed's training.
        updates: Of each seed's weights.
        diverged: Seeds whose training left the finite numbers, and that were tested as they were before it.
    """

    validation: Mapping[float, float]
    rate: float
    seconds: tuple[float, ...]
    updates: tuple[int, ...]
    diverged: int = 0


@dataclass(frozen=True)
class Entry:
    """One model of a comparison.

    Attributes:
        name: The word by which it was asked for, or what a floor does.
        scores: The figure of each test item with each seed, (S, N).
        behind: How far it is behind the best network, an `Interval`; of that one itself (0, 0).
        claim: What that says: ``"best"``, ``"as good"``, ``"undecided"`` or ``"worse"``; of a floor also ``"better"``.
        size: What it takes; None of a floor, as are the others.
        described: Its width in words.
        training: How its networks were trained.
        speed: How fast they are.
    """

    name: str
    scores: Floats
    behind: Interval
    claim: Claim
    size: Size | None = None
    described: str = ""
    training: Training | None = None
    speed: Speed | None = None

    @property
    def score(self) -> float:
        """The mean over seeds and items."""
        return float(self.scores.mean())

    @property
    def spread(self) -> float:
        """The standard deviation of the score over seeds; 0 where there is one."""
        return float(self.scores.mean(axis=1).std(ddof=1)) if len(self.scores) > 1 else 0.0

    @property
    def learned(self) -> bool:
        """Whether it is a network, and no floor."""
        return self.training is not None


@dataclass(frozen=True)
class Conditions:
    """What was the same for all.

    Attributes:
        parameters: How many each network was to have.
        rates: The learning rates that each was tried with.
        seeds: Networks of each model that were tested.
        seconds: Of each training; None where updates were counted.
        updates: Of each training; None where it ended by the clock.
        minutes: That the whole was given; None likewise.
        indifference: The difference of scores that is of no interest.
        threads: That everything ran on.
        reading: Which way models read.
        steps: What ran the steps that were timed.
    """

    parameters: int
    rates: tuple[float, ...]
    seeds: int
    seconds: float | None
    updates: int | None
    minutes: float | None
    indifference: float
    threads: int = 1
    reading: str = ""
    steps: str = ""


@dataclass(frozen=True)
class Results:
    """Networks, best first, then floors, and what was the same for all.

    Attributes:
        task: The word of ``--task``.
        source: What the data are called.
        measure: What the score is, a `Measure`.
        about: Sentences on the data and how they were split.
        entries: An `Entry` for each model.
        conditions: The `Conditions`.
        notes: Sentences on what did not go as it should.
        seconds: Wall clock of the whole comparison.
    """

    task: str
    source: str
    measure: Measure
    about: tuple[str, ...]
    entries: tuple[Entry, ...]
    conditions: Conditions
    notes: tuple[str, ...]
    seconds: float
    version: str = ""
    command: str = ""
    environment: str = ""

    @property
    def networks(self) -> tuple[Entry, ...]:
        """Those that learn, best first."""
        return tuple(entry for entry in self.entries if entry.learned)

    @property
    def floors(self) -> tuple[Entry, ...]:
        """Those that do not, best first."""
        return tuple(entry for entry in self.entries if not entry.learned)

    @property
    def best(self) -> Entry:
        """The network with the best score."""
        return self.networks[0]


def claim_of(behind: Interval, indifference: float, items: int) -> Claim:
    """What an interval of how far a model is behind says, beside the region of indifference.

    Of fewer than `FEWEST_ITEMS` test items it says nothing.

    Worse, or better, where it lies wholly beyond the region, as good where it lies wholly inside, and undecided
    otherwise (Kruschke 2018, doi:10.1177/2515245918771304).
    """
    if items < FEWEST_ITEMS:
        return "undecided"
    if behind.low > indifference:
        return "worse"
    if behind.high < -indifference:
        return "better"
    return "as good" if max(abs(behind.low), abs(behind.high)) <= indifference else "undecided"


def pareto(costs: Floats, gains: Floats) -> list[int]:
    """Places of those of which no other costs no more and gains no less, and differs; by rising cost."""
    order = np.lexsort((-gains, costs)).tolist()
    front: list[int] = []
    for at in order:
        if not front or gains[at] > gains[front[-1]]:
            front.append(at)
    return front
