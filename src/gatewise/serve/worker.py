"""One thread for each model: whatever waits for it, and can be done together, is done in one call."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .refusal import BUSY, RefusedError

Together: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]
"""Work on several requests: an answer, or the exception that is to be raised, for each."""


@dataclass(frozen=True)
class _Job:
    """One request. weight: how much of a call it takes. until: when nobody waits for it any more."""

    work: Together
    request: Any
    weight: int
    until: float
    future: asyncio.Future[Any]


class Worker:
    """Does the work on one model, in a thread that begins with the first request.

    most: weight of the requests that are worked on in one call; one heavier than that is worked on alone.
    patience: seconds after which a request that waits is refused.
    """

    def __init__(self, most: int, patience: float) -> None:
        self._most, self._patience = most, patience
        self._jobs: deque[_Job] = deque()
        self._ready = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    async def ask(self, work: Together, request: Any, weight: int = 1) -> Any:
        """The answer to a request. Raises what the work says, and RefusedError where it is not begun with in time."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        with self._ready:
            if self._closed:
                raise RefusedError(BUSY, "the server is about to end")
            self._jobs.append(_Job(work, request, weight, time.monotonic() + self._patience, future))
            self._ready.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="gatewise", daemon=True)
                self._thread.start()
        return await future

    @property
    def waiting(self) -> int:
        """Requests that are not begun with."""
        return len(self._jobs)

    def open(self) -> None:
        """Work again, after `close`."""
        self._closed = False

    def close(self) -> None:
        """Finish what waits, and end the thread; one that works on for longer than anybody waits is left behind."""
        with self._ready:
            self._closed = True
            self._ready.notify()
        if self._thread is not None:
            self._thread.join(self._patience)
            self._thread = None

    def _run(self) -> None:
        while jobs := self._next():
            now = time.monotonic()
            late = [job for job in jobs if job.until < now]
            _tell(late, [RefusedError(BUSY, "the model has too much to do", hint="ask again later")] * len(late))
            if jobs := [job for job in jobs if job.until >= now]:
                _tell(jobs, _outcomes(jobs))

    def _next(self) -> list[_Job]:
        """The jobs of the next call, in the order in which they came; none where there is to be no more."""
        with self._ready:
            self._ready.wait_for(lambda: self._jobs or self._closed)
            taken: list[_Job] = []
            weight = 0
            while self._jobs and (not taken or self._jobs[0].work == taken[0].work):
                weight += self._jobs[0].weight
                if taken and weight > self._most:
                    break
                taken.append(self._jobs.popleft())
            return taken


def _outcomes(jobs: Sequence[_Job]) -> Sequence[Any]:
    """What comes of a call; its failure is that of all who asked."""
    try:
        return jobs[0].work([job.request for job in jobs])
    except Exception as error:
        return [error] * len(jobs)


def _tell(jobs: Sequence[_Job], outcomes: Sequence[Any]) -> None:
    """Wake those who asked, all of one loop at once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for job, outcome in zip(jobs, outcomes, strict=True):
        by_loop.setdefault(job.future.get_loop(), []).append((job.future, outcome))
    for loop, pairs in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, pairs)


def _settle(pairs: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, outcome in pairs:
        if future.done():  # nobody waits any more
            continue
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
