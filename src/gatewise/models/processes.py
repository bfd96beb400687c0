"""Processes of one thread each beside this one, to which tasks are handed out as they become free."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

_SOURCES = str(Path(__file__).parents[2])  # where this very gatewise is imported from
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

Process = subprocess.Popen[bytes]
Task = TypeVar("Task")
Answer = TypeVar("Answer")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def handed_out(
    command: Sequence[str], tasks: Sequence[Task], count: int, ask: Callable[[Process, Task], Answer]
) -> Iterator[tuple[Task, Answer | None]]:
    """Each task with its answer, as they are done; None for one at which a process ended, and where none is left.

    command: a module and its arguments, for each of so many processes. ask: writes to a process and reads what it says;
    OSError or ValueError where it has ended.
    """
    todo, done = SimpleQueue[Task](), SimpleQueue[tuple[Task, Answer | None] | None]()
    for task in tasks:
        todo.put(task)
    with ExitStack() as stack:
        running = min(count, len(tasks))
        for _ in range(running):
            process = stack.enter_context(_started(command))
            Thread(target=_keep_busy, args=(process, ask, todo, done), daemon=True).start()
        while running:
            if (pair := done.get()) is None:
                running -= 1
            else:
                yield pair
        while (task := _next(todo)) is not None:
            yield task[0], None


@contextmanager
def _started(command: Sequence[str]) -> Generator[Process]:
    path = os.pathsep.join(filter(None, [_SOURCES, os.environ.get("PYTHONPATH", "")]))
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **_ONE_THREAD, "PYTHONPATH": path},
        start_new_session=True,  # an interrupt is for the process that started this one, and ends both
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _keep_busy(
    process: Process, ask: Callable[[Process, Any], Any], todo: SimpleQueue[Any], done: SimpleQueue[Any]
) -> None:
    """One task after another, until there are none or the process has ended; then None."""
    while (task := _next(todo)) is not None:
        try:
            done.put((task[0], ask(process, task[0])))
        except (OSError, ValueError):
            done.put((task[0], None))
            break
    done.put(None)


def _next(todo: SimpleQueue[Task]) -> tuple[Task] | None:
    try:
        return (todo.get_nowait(),)
    except Empty:
        return None
