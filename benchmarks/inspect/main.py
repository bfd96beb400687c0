"""What is promised of looking inside, measured.

    python -m benchmarks inspect sums [CELL ...] [--models 100] [--steps 2000]
    python -m benchmarks inspect cost [--seconds 5]

``sums``: whether explanations add up, over random models of every cell. ``cost``: a record beside a forward pass. Each
says with --help what its figures mean, and exits with 1 where a promise does not hold.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType

from ..parts import measured
from . import cost, sums

PARTS: dict[str, ModuleType] = {"sums": sums, "cost": cost}


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    if not measured("inspect", __doc__ or "", PARTS, arguments):
        sys.exit(1)
