"""The part that asks the server finds what must not happen: broken on purpose, it says so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from harden.part import part

from gatewise.serve import tensors


def asked(seed, count):
    """In a thread of its own, since playwright leaves a loop running in that of other tests."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(part("server").run, seed, count).result()


def test_nothing_is_found_and_a_fault_is(monkeypatch):
    assert asked(2, 40).findings == []

    def broken(*_):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(tensors, "write", broken)
    assert any("500" in line for line in asked(2, 40).findings)


@pytest.mark.slow
def test_clients_that_leave_end_their_connections_and_not_the_server():
    assert part("connections").run(0, 60).findings == []
