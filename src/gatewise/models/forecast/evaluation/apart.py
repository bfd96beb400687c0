"""Models of single series that take long, in processes beside this one: each series as it would be forecast here."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import IO

import numpy as np

from ....tables.panel import Floats
from ... import arguments
from ...processes import Process, cores, handed_out
from ..model import Setup

TRIED = 16
"""Series that are forecast here first, which tells how long the others would take."""
WORTH = 20.0
"""Seconds that they have to take here for processes to be started, of which each takes some seconds to begin."""
AT_ONCE = 16
"""Series that a process is given at a time."""
_WORKER = f"{__package__}.apart_worker"
_count: ContextVar[int] = ContextVar("workers", default=1)


@contextmanager
def workers(count: int | None = None) -> Generator[None]:
    """Let models of single series, such as AutoETS, use so many processes within the block, where many series need it.

    The forecasts have the same bits as without. By default no process is started: a program that forecasts may be one
    of many already.

    Args:
        count: Processes; None for one for each core that this process may use.

    Raises:
        InputError: The count is not 1 or more.

    Example:
        >>> with workers():
        ...     Forecaster(12, model="auto_ets").fit(frame).predict()
    """
    token = _count.set(cores() if count is None else arguments.whole("workers", count))
    try:
        yield
    finally:
        _count.reset(token)


def allowed() -> int:
    """How many processes there may be."""
    return _count.get()


@dataclass(frozen=True)
class Task:
    """method: of `METHODS`. setup: with the season that the method is given."""

    method: str
    setup: Setup

    def to_json(self) -> str:
        """What a process is told first, on one line."""
        setup = self.setup
        told = {"horizon": setup.horizon, "season": setup.season, "levels": setup.levels, "longer": setup.longer}
        return json.dumps({"method": self.method, "setup": told})

    @classmethod
    def from_json(cls, line: str) -> Task:
        """What `to_json` gave."""
        told = json.loads(line)
        setup = told["setup"] | {name: tuple(told["setup"][name]) for name in ("levels", "longer")}
        return cls(told["method"], Setup(**setup))

    @property
    def shape(self) -> tuple[int, int]:
        """Of what is said of a series."""
        return self.setup.horizon, len(self.setup.levels)


def quantiles_apart(task: Task, series: Sequence[Floats]) -> Iterator[tuple[int, Floats]]:
    """The quantiles (S, horizon, levels) of some series, with the place of the first, as they are done.

    Series that a process had in hand when it ended are left out.
    """
    told = set[int]()

    def ask(process: Process, start: int) -> Floats:
        assert process.stdin is not None
        assert process.stdout is not None
        if process.pid not in told:
            told.add(process.pid)
            process.stdin.write(f"{task.to_json()}\n".encode())
        write_arrays(process.stdin, series[start : start + AT_ONCE])
        return np.stack(read_arrays(process.stdout)).reshape(-1, *task.shape)  # ValueError for nothing

    for start, found in handed_out((_WORKER,), range(0, len(series), AT_ONCE), allowed(), ask):
        if found is not None:
            yield start, found


def write_arrays(file: IO[bytes], arrays: Sequence[Floats]) -> None:
    """A line with their sizes, then their bytes."""
    file.write(f"{json.dumps([array.size for array in arrays])}\n".encode())
    for array in arrays:
        file.write(np.ascontiguousarray(array, np.float64).tobytes())
    file.flush()


def read_arrays(file: IO[bytes]) -> list[Floats]:
    """What `write_arrays` wrote, flat; none at the end. Raises ValueError where less comes than was announced."""
    line = file.readline()
    sizes: list[int] = json.loads(line) if line else []
    return [np.frombuffer(file.read(8 * size), np.float64, size) for size in sizes]
