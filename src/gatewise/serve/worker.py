"""Whatever waits for a model, and can be, is done in one call: in a thread, or at once where that is quick."""

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
"""Several requests in; an answer, or the exception that is to be raised, for each."""

QUICK = 0.002
"""Seconds: a call that takes no more may hold up those who ask. To another thread and back takes two fifths of the time
of a step of a small model."""


@dataclass(eq=False)
class Work:
    """What a call does. quick: the weight up to which calls have been; what a first one compiles never is."""

    call: Together
    quick: int = 0

    def took(self, weight: int, seconds: float) -> None:
        """Learn from one call."""
        self.quick = max(self.quick, weight) if seconds <= QUICK else min(self.quick, weight - 1)


@dataclass(frozen=True)
class _Job:
    """One request. weight: how much of a call it takes. until: when nobody waits for it any more."""

    work: Work
    request: Any
    weight: int
    until: float
    future: asyncio.Future[Any]

    @property
    def is_quick(self) -> bool:
        """Whether a call of it has been."""
        return self.weight <= self.work.quick


class Worker:
    """Does the work on one model, one call at a time.

    A call of a kind and weight that has been quick is made in the thread of the event loop, after whatever else the
    loop has received; any other in a thread that begins with the first request.

    most: weight of the requests that are worked on in one call; one heavier than that is worked on alone.
    patience: seconds after which a request that waits is refused.
    """

    def __init__(self, most: int, patience: float) -> None:
        self._most, self._patience = most, patience
        self._jobs: deque[_Job] = deque()
        self._ready = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = self._is_at_work = self._is_due = False

    async def ask(self, work: Work, request: Any, weight: int = 1) -> Any:
        """The answer to a request. Raises what the work says, and RefusedError where it is not begun with in time."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        with self._ready:
            if self._closed:
                raise RefusedError(BUSY, "the server is about to end")
            job = _Job(work, request, weight, time.monotonic() + self._patience, future)
            self._jobs.append(job)
            if self._is_at_work or not job.is_quick:
                self._wake()
            elif not self._is_due:
                self._is_due = True
                loop.call_soon(self._work_at_once, loop)
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

    def _wake(self) -> None:
        """Have the thread see to what waits; the lock is held."""
        self._ready.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="gatewise", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._ready:
                self._ready.wait_for(lambda: not self._is_at_work and (self._jobs or self._closed))
                jobs = self._next(self._most)
                self._is_at_work = bool(jobs)
            if not jobs:
                return
            _work(jobs)
            with self._ready:
                self._is_at_work = False

    def _work_at_once(self, loop: asyncio.AbstractEventLoop) -> None:
        """What is quick, here; what is left, in the thread."""
        with self._ready:
            self._is_due = False
            if self._is_at_work:  # whoever is sees to the rest
                return
            jobs = self._next(self._jobs[0].work.quick) if self._jobs and self._jobs[0].is_quick else []
            self._is_at_work = True
        _work(jobs, loop)
        with self._ready:
            self._is_at_work = False
            if self._jobs:
                self._wake()
            elif self._closed:
                self._ready.notify()

    def _next(self, most: int) -> list[_Job]:
        """The jobs of the next call, in the order in which they came; the lock is held."""
        taken: list[_Job] = []
        weight = 0
        while self._jobs and (not taken or self._jobs[0].work is taken[0].work):
            weight += self._jobs[0].weight
            if taken and weight > most:
                break
            taken.append(self._jobs.popleft())
        return taken


def _work(jobs: Sequence[_Job], here: asyncio.AbstractEventLoop | None = None) -> None:
    """One call for all that are not too late. here: the loop in whose thread this runs."""
    begun = time.monotonic()
    late = [job for job in jobs if job.until < begun]
    _tell(late, [RefusedError(BUSY, "the model has too much to do", hint="ask again later")] * len(late), here)
    if jobs := [job for job in jobs if job.until >= begun]:
        outcomes = _outcomes(jobs)
        jobs[0].work.took(sum(job.weight for job in jobs), time.monotonic() - begun)
        _tell(jobs, outcomes, here)


def _outcomes(jobs: Sequence[_Job]) -> Sequence[Any]:
    """What comes of a call; its failure is that of all who asked."""
    try:
        return jobs[0].work.call([job.request for job in jobs])
    except Exception as error:
        return [error] * len(jobs)


def _tell(jobs: Sequence[_Job], outcomes: Sequence[Any], here: asyncio.AbstractEventLoop | None) -> None:
    """Wake those who asked, all of one loop at once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for job, outcome in zip(jobs, outcomes, strict=True):
        by_loop.setdefault(job.future.get_loop(), []).append((job.future, outcome))
    for loop, pairs in by_loop.items():
        if loop is here:
            _settle(pairs)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(_settle, pairs)


def _settle(pairs: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, outcome in pairs:
        if future.done():  # nobody waits any more
            continue
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
