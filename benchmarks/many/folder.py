"""A folder of monthly series in, a folder of forecasts out, in three sizes: a quarter, a half, and all of them.

Time and memory of all processes together; through the three sizes goes a line, which says what a million would take.
The goal stands for 100,000 series by the pretrained network on two cores: 150 seconds and 2 GiB.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from .command import Taken, cores, taken
from .data import write_folder

MONTHS, HORIZON = 72, 12
SECONDS, BYTES = 150.0, 2 * 2**30
MANY = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--model", default="pretrained")
    parser.add_argument("--workers", type=int, default=2)


def measure(given: argparse.Namespace) -> bool:
    """Print a row for each size and what a million would take. Whether the goal is met."""
    sizes = [given.series // 4, given.series // 2, given.series]
    print(f"{given.model}, {MONTHS} months, {HORIZON} ahead, {given.workers} workers, {cores()}")
    costs = [_cost(count, given.model, given.workers) for count in sizes]
    slope, start = np.polyfit(sizes, [cost.seconds for cost in costs], 1)
    print(f"a line through them: {start:.0f} s and {1e4 * slope:.1f} s for each 10,000 series; ", end="")
    print(f"{MANY:,} would take {(start + slope * MANY) / 60:.0f} min")
    print(f"goal for 100,000 on two cores: {SECONDS:.0f} s, {BYTES / 2**30:.0f} GiB")
    return costs[-1].seconds <= SECONDS and costs[-1].bytes <= BYTES


def _cost(count: int, model: str, workers: int) -> Taken:
    with tempfile.TemporaryDirectory() as name:
        source = write_folder(Path(name, "source"), count, MONTHS)
        words = (
            "--horizon",
            str(HORIZON),
            "--model",
            model,
            "--workers",
            str(workers),
            "--out",
            str(Path(name, "out")),
        )
        cost = taken("forecast-many", str(source), *words)
    rate = count / cost.seconds
    print(
        f"{count:>9,} series: {cost.seconds:6.1f} s, {rate:5.0f} a second, {cost.bytes / 2**20:5,.0f} MiB", flush=True
    )
    return cost
