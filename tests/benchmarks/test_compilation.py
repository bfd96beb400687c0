"""The benchmark of compilation: the slowest first call is the one that counts, with machine code kept and without."""

from __future__ import annotations

import pytest
from benchmarks import compilation, first_call

from gatewise import cache


def test_the_slowest_first_call_is_the_one_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = list(first_call.KINDS)

    def seconds(kind: str, folder: str) -> float:
        return (0.9 if folder == cache.OFF else 0.05) if kind == kinds[2] else 0.01

    monkeypatch.setattr(compilation, "_first_call", seconds)
    finding = compilation.first_calls(2)
    assert [row.case for row in finding.rows] == kinds
    assert [(verdict.holds, verdict.reached) for verdict in finding.verdicts] == [
        (False, f"0.90 s, {kinds[2]}"),
        (True, f"0.05 s, {kinds[2]}"),
    ]


def test_a_first_call_is_timed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["first_call", next(iter(first_call.KINDS))])
    first_call.main()
    assert float(capsys.readouterr().out) > 0
