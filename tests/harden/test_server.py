"""The part that asks the server finds what must not happen: broken on purpose, it says so."""

from __future__ import annotations

from harden.part import part

from gatewise.serve import tensors


def test_nothing_is_found_and_a_fault_is(monkeypatch):
    server = part("server")
    assert server.run(1, 40).findings == []

    def broken(*_):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(tensors, "write", broken)
    assert any("500" in line for line in server.run(1, 40).findings)
