"""One call at a time for a model: together, in order, and at once only where that has been quick."""

from __future__ import annotations

import asyncio
import threading

import pytest

from gatewise.errors import GatewiseError
from gatewise.serve.worker import QUICK, Work, Worker

from .asking import ran


def test_what_waits_together_is_done_together():
    begun, calls = threading.Event(), []

    def work(requests):
        begun.wait()
        calls.append(list(requests))
        return [request if request != 3 else ValueError("three") for request in requests]

    async def ask():
        worker = Worker(most=4, patience=60)
        doubtful = Work(work)
        asked = [asyncio.ensure_future(worker.ask(doubtful, number)) for number in range(8)]
        await asyncio.sleep(0.05)
        begun.set()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        worker.close()
        with pytest.raises(GatewiseError, match="about to end"):
            await worker.ask(doubtful, 1)
        return outcomes

    outcomes = ran(ask())
    assert [one for one in outcomes if not isinstance(one, Exception)] == [0, 1, 2, 4, 5, 6, 7]
    assert isinstance(outcomes[3], ValueError)
    assert sorted(number for call in calls for number in call) == list(range(8))
    assert max(map(len, calls)) == 4


def test_who_waits_too_long_is_told():
    release = threading.Event()

    async def ask():
        worker = Worker(most=1, patience=0.05)
        first = asyncio.ensure_future(worker.ask(Work(lambda requests: [release.wait()]), 0))
        second = asyncio.ensure_future(worker.ask(Work(lambda requests: requests), 0))
        await asyncio.sleep(0.2)
        release.set()
        await first
        with pytest.raises(GatewiseError, match="too much to do"):
            await second
        worker.close()

    ran(ask())


def recorded(calls, quick, wait=lambda request: None):
    """Work that keeps what each call held, and whether the thread of the loop made it."""

    def call(requests):
        calls.append((list(requests), threading.current_thread().name != "gatewise"))
        for request in requests:
            wait(request)
        return requests

    return Work(call, quick)


def asking(work, *requests, most=100):
    """What came of requests, pairs of a name and a weight, that all ask at once."""

    async def ask():
        worker = Worker(most, patience=60)
        outcomes = await asyncio.gather(*(worker.ask(work, name, weight) for name, weight in requests))
        worker.close()
        return outcomes

    return ran(ask())


def test_what_has_been_quick_is_done_at_once():
    calls = []
    assert asking(recorded(calls, quick=2), ("a", 1), ("b", 1)) == ["a", "b"]
    assert calls == [(["a", "b"], True)]


def test_what_is_heavier_than_any_that_was_quick_is_done_in_the_thread():
    calls = []
    assert asking(recorded(calls, quick=2), ("a", 3)) == ["a"]
    assert calls == [(["a"], False)]


def test_more_than_what_was_quick_is_begun_at_once_and_left_to_the_thread():
    calls = []
    assert asking(recorded(calls, quick=2), *[(name, 1) for name in "abcde"]) == list("abcde")
    assert calls == [(["a", "b"], True), (["c", "d", "e"], False)]


def test_what_is_quick_waits_for_what_is_not():
    calls, release = [], threading.Event()
    work = recorded(calls, quick=1, wait=lambda request: request == "slow" and release.wait())

    async def ask():
        worker = Worker(most=100, patience=60)
        slow = asyncio.ensure_future(worker.ask(work, "slow", 2))
        await asyncio.sleep(0.05)
        quick = asyncio.ensure_future(worker.ask(work, "quick", 1))
        await asyncio.sleep(0.05)
        assert worker.waiting == 1
        release.set()
        await asyncio.gather(slow, quick)
        worker.close()

    ran(ask())
    assert calls == [(["slow"], False), (["quick"], False)]


def test_what_is_quick_behind_what_is_not_does_not_bring_that_to_the_loop():
    calls = []

    async def ask():
        heavy, light = recorded(calls, quick=0), recorded(calls, quick=1)
        worker = Worker(most=100, patience=60)
        await asyncio.gather(worker.ask(heavy, "heavy"), worker.ask(light, "light"))
        worker.close()

    for _ in range(20):
        ran(ask())
    assert not any(here for held, here in calls if "heavy" in held)


def test_a_worker_ends_when_it_is_closed_during_quick_work():
    async def ask():
        worker = Worker(most=100, patience=60)
        await worker.ask(recorded([], quick=0), "begins the thread")
        closing = threading.Thread(target=worker.close)
        work = recorded([], quick=1, wait=lambda request: (closing.start(), closing.join(0.05)))
        assert await worker.ask(work, "a") == "a"
        await asyncio.to_thread(closing.join, 10)
        assert not closing.is_alive()

    ran(ask())


def test_what_is_quick_is_learned_from_calls():
    work = Work(lambda requests: requests)
    work.took(3, QUICK)
    assert work.quick == 3
    work.took(2, QUICK)
    assert work.quick == 3
    work.took(3, 2 * QUICK)
    assert work.quick == 2
