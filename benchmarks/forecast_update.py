"""What one new row costs when a forecaster goes on: seconds of `update` and `predict`, for short and long histories.

    python -m benchmarks forecast_update [--seconds 3]

One hourly series, horizon 24. The models that learn are trained briefly, which has no influence on how long they take.
All are given histories of a thousand, a hundred thousand and a million rows. Each figure is the median over single new
rows.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from statistics import median

import numpy as np
import torch

from gatewise.forecast import Forecaster
from gatewise.models.forecast.model import NORMALISATIONS
from gatewise.tables.panel import Frequency, Panel

LENGTHS = (1_000, 100_000, 1_000_000)
MODELS = (
    *((f"lstm, {word}", {"model": "lstm", "normalisation": word, "budget": 2}) for word in NORMALISATIONS),
    ("pretrained", {"model": "pretrained"}),
)
FEWEST = 5


def main(arguments: Sequence[str]) -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks forecast_update", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="for each model and length")
    seconds = parser.parse_args(arguments).seconds
    torch.set_num_threads(1)
    heads = "first `update` and `predict`, s | `update`, ms | `predict`, ms | `predict(whole)`, ms"
    print(f"| model | rows before | {heads} |")
    print("|---|---|---|---|---|---|")
    for name, chosen in MODELS:
        forecaster = Forecaster(24, **chosen).fit(rows(0, 2_000))
        for length in LENGTHS:
            print(f"| {name} | {length:,} | {' | '.join(measured(forecaster, length, seconds))} |", flush=True)


def rows(begin: int, end: int) -> Panel:
    """A stretch of the series."""
    t = np.arange(begin, end)
    values = 20 + np.sin(2 * np.pi * t / 24) + 0.5 * np.sin(2 * np.pi * t / 168) + 0.1 * np.sin(t * t)
    times = np.datetime64("1990-01-01", "ns") + t * np.timedelta64(1, "h")
    return Panel(("load",), (times,), (values,), Frequency("h"), 24)


def measured(forecaster: Forecaster, length: int, seconds: float) -> list[str]:
    """The cells of one row of the table."""
    forecaster.panel_ = rows(0, length)
    turns = taken(forecaster, length)
    first = sum(next(turns))
    updates, predictions = zip(*until(turns, seconds), strict=True)
    whole = forecaster.panel_
    plain = [timed(lambda: forecaster.predict(replace(whole))) for _ in range(FEWEST)]
    return [f"{first:.3f}", *(f"{1000 * median(found):.2f}" for found in (updates, predictions, plain))]


def taken(forecaster: Forecaster, length: int) -> Iterator[tuple[float, float]]:
    """Seconds that one more row takes to be added, and then to be forecast from."""
    for at in count(length):
        row = rows(at, at + 1)
        yield timed(lambda row=row: forecaster.update(row)), timed(forecaster.predict)


def until(turns: Iterator[tuple[float, float]], seconds: float) -> list[tuple[float, float]]:
    """What comes in so many seconds."""
    end, found = time.perf_counter() + seconds, [next(turns) for _ in range(FEWEST)]
    while time.perf_counter() < end:
        found.append(next(turns))
    return found


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(sys.argv[1:])
