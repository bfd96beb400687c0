"""A table of 20,000 monthly series, CSV in and CSV out, by the seasonal naive, without a backtest.

The goal stands for two cores: 4 seconds by the clock, from the start of the command to its end.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from .command import cores, taken
from .data import series

MONTHS, GOAL = 72, 4.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--series", type=int, default=20_000)


def measure(given: argparse.Namespace) -> bool:
    """Print seconds and memory. Whether the goal is met."""
    with tempfile.TemporaryDirectory() as name:
        data, out = Path(name, "data.csv"), Path(name, "out.csv")
        series(given.series, MONTHS).to_csv(data, index=False)
        words = ("--horizon", "12", "--model", "seasonal_naive", "--backtest", "0", "--out", str(out))
        cost = taken("forecast", str(data), *words)
    print(
        f"{given.series:,} x {MONTHS} from CSV to CSV: {cost.seconds:.1f} s on {cores()} (goal {GOAL:g} on two),",
        end="",
    )
    print(f" {cost.bytes / 2**20:,.0f} MiB")
    return cost.seconds <= GOAL
