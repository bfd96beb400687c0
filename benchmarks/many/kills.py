"""A run that is killed at random instants, and whether its forecasts are those of one that is left alone.

Each kill ends the process and its workers at once, at an instant drawn within the time that a run takes.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from .data import write_folder

SERIES, MONTHS, HORIZON = 2000, 48, 6
SCRIPT = """
import sys
from gatewise.forecast import forecast_many
from gatewise.models.forecast.many import buckets

buckets.ROWS = 5000
print(forecast_many(sys.argv[1], sys.argv[2], 6, model=sys.argv[3], workers=2).sha256)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--model", default="seasonal_naive")


def measure(given: argparse.Namespace) -> bool:
    """Print what came of every run. Whether all are as one that was left alone."""
    with tempfile.TemporaryDirectory() as name:
        source = write_folder(Path(name, "source"), SERIES, MONTHS)
        begun = time.perf_counter()
        whole = _run(source, Path(name, "whole"), given.model)
        usual, draw = time.perf_counter() - begun, random.Random(0)
        kills = runs = differing = 0
        while kills < given.kills:
            out = Path(name, f"{runs}")
            while kills < given.kills and _killed(source, out, given.model, draw.uniform(0, usual)):
                kills += 1
            found = _run(source, out, given.model)
            runs += 1
            names = pd.read_parquet(out)["unique_id"].value_counts()
            differing += found != whole or len(names) != SERIES or set(names) != {HORIZON}
    print(f"{kills} kills in {runs} runs of {usual:.1f} s: {differing} differ from a run that was left alone")
    return not differing


def _start(source: Path, out: Path, model: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, str(source), str(out), model]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def _run(source: Path, out: Path, model: str) -> str:
    """The checksum of all forecasts."""
    with _start(source, out, model) as process:
        assert process.stdout is not None
        found = process.stdout.read().strip()
    assert found, "the run failed"
    return found


def _killed(source: Path, out: Path, model: str, after: float) -> bool:
    """Whether the run was still going on when it was killed."""
    with _start(source, out, model) as process:
        time.sleep(after)
        alive = process.poll() is None
        if alive:
            os.kill(process.pid, signal.SIGKILL)
    return alive
