"""What a part is: a module of ``harden.parts``, found by its file.

It has a docstring whose first line says what it calls, ``NIGHTLY`` and ``QUICK``, how many calls it makes in a full run
and in CI, and ``run(seed, count)``, which makes so many calls and returns a :class:`Report`. The same seed and count
make the same calls.
"""

from __future__ import annotations

import pkgutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol, cast

from . import parts


@dataclass
class Report:
    """What came of the calls.

    outcomes: how many calls ended in which way. findings: what must not have happened, a line each, with what it takes
    to see it again. remarks: what else is worth telling.
    """

    outcomes: Counter[str] = field(default_factory=Counter[str])
    findings: list[str] = field(default_factory=list[str])
    remarks: list[str] = field(default_factory=list[str])

    @property
    def calls(self) -> int:
        """How many there were."""
        return sum(self.outcomes.values())

    def __str__(self) -> str:
        ways = ", ".join(f"{way} {count:,}" for way, count in self.outcomes.most_common())
        lines = [*self.remarks, *self.findings]
        return "\n".join([f"{self.calls:,} calls: {ways}", *(f"  {line}" for line in lines)])


class Part(Protocol):
    """A module of ``harden.parts``."""

    NIGHTLY: int
    QUICK: int
    run: Callable[[int, int], Report]


def names() -> list[str]:
    """Every part that there is, in order."""
    return sorted(module.name for module in pkgutil.iter_modules(parts.__path__))


def part(name: str) -> Part:
    """A part by its name."""
    return cast(Part, import_module(f"{parts.__name__}.{name}"))


def about(name: str) -> str:
    """What a part calls: the first line of its docstring."""
    return (import_module(f"{parts.__name__}.{name}").__doc__ or "").split("\n")[0]
