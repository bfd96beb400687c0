"""Many series on one machine: how long they take, what memory, and what a kill costs.

    python -m benchmarks many table [--series 20000]
    python -m benchmarks many network [--series 1024]
    python -m benchmarks many folder [--series 100000] [--model pretrained] [--workers 2]
    python -m benchmarks many kills [--kills 50]
    python -m benchmarks many engines [--series 1000] [--engine ray]

Each says with --help what it measures, and exits with 1 where a goal is missed. On a machine that does something else
beside, times say nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType

from ..parts import measured
from . import engines, folder, kills, network, table

PARTS: dict[str, ModuleType] = {
    "table": table,
    "network": network,
    "folder": folder,
    "kills": kills,
    "engines": engines,
}


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    if not measured("many", __doc__ or "", PARTS, arguments):
        sys.exit(1)
