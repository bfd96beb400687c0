"""What is promised of exported C files, measured on this machine with its own compiler.

    python -m benchmarks device parity [--quick] [--models 1000] [--seed 0] [CELL ...]
    python -m benchmarks device ulp [--quick] [--every 1] [FUNCTION ...]
    python -m benchmarks device speed [--quick] [--seconds 20]

``parity``: C beside Python, over random models. ``ulp``: the error of sigmoid and tanh over every float32. ``speed``: a
step's time. Each says with --help what its figures mean, and exits with 1 where a promise does not hold.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType

from ..parts import measured
from . import parity, speed, ulp

PARTS: dict[str, ModuleType] = {"parity": parity, "ulp": ulp, "speed": speed}


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    if not measured("device", __doc__ or "", PARTS, arguments):
        sys.exit(1)
