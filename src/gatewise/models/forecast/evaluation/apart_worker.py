"""One process: it forecasts the series that come in, lot after lot, and writes their quantiles.

python -m gatewise.models.forecast.evaluation.apart_worker
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import IO

import numpy as np

from ....tables.panel import Floats
from .apart import Task, read_arrays, write_arrays
from .baselines import quantiles_of
from .methods import METHODS


def main(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until nobody asks any more."""
    task = Task.from_json(asked.readline().decode())
    while lot := read_arrays(asked):
        write_arrays(answers, _forecast(task, lot))


def _forecast(task: Task, lot: Sequence[Floats]) -> list[Floats]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return [quantiles_of(METHODS[task.method], values, task.setup, lambda: None) for values in lot]


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints is no answer
    main(sys.stdin.buffer, answers.buffer)
