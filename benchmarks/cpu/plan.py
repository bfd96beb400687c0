"""How thorough a run is, and on how many threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """seconds: of alternating measurement for each case. threads: counts to measure at. quick: the main peer only.
    progress: told each case before it is measured."""

    seconds: float
    threads: tuple[int, ...]
    quick: bool
    progress: Callable[[str], None]
