"""What a benchmark found: rows of figures, and for each goal whether it is reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from ..measure import Ratio, Samples


@dataclass(frozen=True)
class Row:
    """One case. milliseconds: of each contender. ratios: how many times as long each takes as the first of them.
    figures: whatever else there is to say, by name."""

    case: str
    threads: int
    milliseconds: Mapping[str, float] = field(default_factory=dict[str, float])
    ratios: Mapping[str, Ratio] = field(default_factory=dict[str, Ratio])
    figures: Mapping[str, float] = field(default_factory=dict[str, float])

    @classmethod
    def of(cls, case: str, samples: Samples, **figures: float) -> Row:
        """A row from samples, the contender that all others are compared with first."""
        first, *others = samples.seconds
        milliseconds = {name: 1e3 * samples.median(name) for name in samples.seconds}
        ratios = {name: samples.ratio(name, first) for name in others}
        return cls(case, torch.get_num_threads(), milliseconds, ratios, figures)


@dataclass(frozen=True)
class Verdict:
    """reached: the figure. holds: whether it is good enough."""

    goal: str
    reached: str
    holds: bool


@dataclass(frozen=True)
class Finding:
    """What one section found."""

    title: str
    rows: list[Row]
    verdicts: list[Verdict]

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """That many of torch's threads, which are ours too."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
