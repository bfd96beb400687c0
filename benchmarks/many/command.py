"""A command of gatewise in a process of its own: how long it takes, and the memory of it and of all that it starts."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PAUSE = 0.05


@dataclass(frozen=True)
class Taken:
    """seconds: by the clock. bytes: the most that all processes held together, shared pages counted by their share."""

    seconds: float
    bytes: int


def taken(*words: str) -> Taken:
    """What ``gatewise WORDS`` takes. Raises CalledProcessError where it fails."""
    begun, most = time.perf_counter(), 0
    command = [sys.executable, "-m", "gatewise", *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, sum(map(_share, [process.pid, *_below(process.pid)])))
            time.sleep(PAUSE)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Taken(time.perf_counter() - begun, most)


def _below(process: int) -> list[int]:
    """The processes that this one has started."""
    try:
        tasks = Path(f"/proc/{process}/task").iterdir()
        started = [int(word) for task in tasks for word in (task / "children").read_text().split()]
    except OSError:
        return []
    return [*started, *(below for child in started for below in _below(child))]


def _share(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def cores() -> str:
    """How many this process may use, in words."""
    count = len(os.sched_getaffinity(0))
    return f"{count} core{'s' * (count > 1)}"
