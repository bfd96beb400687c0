"""What is promised of exported C files, measured on this machine with its own compiler.

    python -m benchmarks device parity [--quick] [--models 1000] [--seed 0] [CELL ...]
    python -m benchmarks device ulp [--quick] [--every 1] [FUNCTION ...]
    python -m benchmarks device speed [--quick] [--seconds 20]

``parity``: C beside Python, over random models. ``ulp``: the error of sigmoid and tanh over every float32. ``speed``: a
step's time. Each says with --help what its figures mean, and leaves with 1 where a promise does not hold.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from types import ModuleType

from . import parity, speed, ulp

PARTS: dict[str, ModuleType] = {"parity": parity, "ulp": ulp, "speed": speed}


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks device", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(dest="part", required=True)
    for name, module in PARTS.items():
        about = module.__doc__ or ""
        part = parts.add_parser(name, help=about.split("\n")[0], description=about, formatter_class=_AsWritten)
        module.add_arguments(part)
    given = parser.parse_args(arguments)
    if not PARTS[given.part].measure(given):
        sys.exit(1)


_AsWritten = argparse.RawDescriptionHelpFormatter
