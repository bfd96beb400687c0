"""How many series a second the pretrained network forecasts on one core, by the time of its processor.

Whatever else the machine does: the clock is that of the thread. With OMP_NUM_THREADS=1, which the benchmark asks for.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

import numpy as np

SHAPES = ((512, 24, 24), (72, 12, 12))
"""Observations, season, horizon."""
GOAL = 800
"""Of the first shape."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--series", type=int, default=1024)


def measure(given: argparse.Namespace) -> bool:
    """Print series a second. Whether the goal is met."""
    if os.environ.get("OMP_NUM_THREADS") != "1":
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]], environment)
    from gatewise.models.forecast.pretrained.model import forecast
    from gatewise.models.forecast.pretrained.weights import pretrained

    generator, rates = np.random.default_rng(0), list[float]()
    for length, season, horizon in SHAPES:
        t = np.arange(length)
        histories = [
            np.cumsum(generator.normal(size=length)) + 5 * np.sin(t / season * 2 * np.pi) for _ in range(given.series)
        ]
        forecast(pretrained(), histories[:2], season, 1, horizon)
        begun = time.thread_time()
        forecast(pretrained(), histories, season, 1, horizon)
        rates.append(given.series / (time.thread_time() - begun))
        print(f"history {length}, horizon {horizon}: {rates[-1]:,.0f} series a second")
    print(f"the first has a goal of {GOAL}")
    return rates[0] >= GOAL
