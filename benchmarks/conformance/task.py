"""What a line of the table is: contenders that run with a seed, and goals that judge what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch

from ..cpu.result import Verdict


@dataclass(frozen=True)
class Outcome:
    """One contender with one seed. figures: by name, that of the line first. parameters: numbers that it may set.
    seconds: of processor time."""

    figures: Mapping[str, float]
    parameters: int
    seconds: float


@dataclass(frozen=True)
class Found:
    """Figures by name, that of the line first, and how many numbers the contender may set."""

    figures: Mapping[str, float]
    parameters: int = 0


Outcomes = Mapping[str, Sequence[Outcome]]  # of every contender by name, one for each seed


class Goal(Protocol):
    """A pass line."""

    @property
    def judged(self) -> tuple[str, ...]:
        """The contenders that it looks at."""
        ...

    def judge(self, outcomes: Outcomes) -> Verdict:
        """Whether it is reached, and by what."""
        ...


@dataclass(frozen=True)
class Task:
    """One line of the table.

    line: its number, C1 to C15. shows: what it is there to show. published: what others report, and who. contenders:
    by name what runs with a seed, ours first. needs: files without which it is skipped.
    """

    line: str
    name: str
    shows: str
    published: str
    contenders: Mapping[str, Callable[[int], Found]]
    goals: Sequence[Goal]
    needs: Path | None = None

    @property
    def is_ready(self) -> bool:
        """Whether its data are at hand."""
        return self.needs is None or self.needs.exists()

    def only(self, *names: str) -> Task:
        """The same line with these contenders, and the goals that are about them."""
        contenders = {name: self.contenders[name] for name in names}
        return replace(self, contenders=contenders, goals=[goal for goal in self.goals if {*goal.judged} <= {*names}])

    def run(self, contender: str, seed: int) -> Outcome:
        """The same figures in every run of the same seed: on one thread, from torch's generator seeded again."""
        torch.manual_seed(seed)
        begun = time.process_time()
        found = self.contenders[contender](seed)
        return Outcome(dict(found.figures), found.parameters, time.process_time() - begun)


def judged_by(task: Task) -> list[str]:
    """The contenders that its pass lines look at."""
    return list(dict.fromkeys(name for goal in task.goals for name in goal.judged))
