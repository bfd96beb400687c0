"""Processes of one thread each, to which buckets are handed out as they become free."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from ....errors import InputError
from .folder import Folder

_WORKER = f"{__package__}.worker"
_SOURCES = str(Path(__file__).parents[4])  # where this very gatewise is imported from
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def forecast_buckets(folder: Folder, buckets: Sequence[int], count: int) -> Iterator[int]:
    """The buckets, each as it is done, by so many processes. Raises InputError where one cannot be."""
    todo, answers = SimpleQueue[int](), SimpleQueue[int | InputError]()
    for bucket in buckets:
        todo.put(bucket)
    with ExitStack() as stack:
        for _ in range(min(count, len(buckets))):
            process = stack.enter_context(_process(folder))
            Thread(target=_hand_out, args=(process, todo, answers), daemon=True).start()
        for _ in buckets:
            answer = answers.get()
            if isinstance(answer, InputError):
                raise answer
            yield answer


@contextmanager
def _process(folder: Folder) -> Generator[subprocess.Popen[str]]:
    path = os.pathsep.join(filter(None, [_SOURCES, os.environ.get("PYTHONPATH", "")]))
    process = subprocess.Popen(
        [sys.executable, "-m", _WORKER, str(folder.path.resolve())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **_ONE_THREAD, "PYTHONPATH": path},
        start_new_session=True,  # an interrupt is for the process that started this one, and ends both
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _hand_out(process: subprocess.Popen[str], todo: SimpleQueue[int], answers: SimpleQueue[int | InputError]) -> None:
    """Let a process do one after another of what is to do."""
    assert process.stdin is not None
    assert process.stdout is not None
    while True:
        try:
            bucket = todo.get_nowait()
        except Empty:
            return
        try:
            process.stdin.write(f"{bucket}\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except (OSError, ValueError):
            line = ""
        if not line:
            answers.put(_ended(process))
            return
        answer = json.loads(line)
        fault = "what" in answer
        answers.put(InputError(answer["what"], where=answer["where"], hint=answer["hint"]) if fault else bucket)


def _ended(process: subprocess.Popen[str]) -> InputError:
    return InputError(
        f"a worker ended early (exit code {process.wait()})",
        hint="what is done is kept: run it again, and where memory is short with fewer workers",
    )
