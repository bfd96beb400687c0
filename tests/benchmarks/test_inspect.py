"""The benchmarks of looking inside: they print what they say, and each can fail."""

from __future__ import annotations

import pytest
import torch
from benchmarks.inspect import cost, sums
from benchmarks.inspect.main import main

from gatewise.errors import ExplanationError


def test_sums_are_printed_for_every_dtype(capsys):
    main(["sums", "--models", "2", "--steps", "20", "lstm", "rnn"])
    _, *rows = (line.split() for line in capsys.readouterr().out.splitlines())
    assert [row[:2] for row in rows] == [[cell, dtype] for cell in ("lstm", "rnn") for dtype in ("float32", "float64")]
    assert [float(gap) < 1e-13 for gap in rows[1][2:]] == [True] * 4
    assert rows[2][2] == "no"


def test_an_explanation_that_does_not_add_up_is_a_miss(monkeypatch, capsys):
    def refuse(model):
        raise ExplanationError("it does not add up")

    monkeypatch.setattr(sums, "_decomposition", refuse)
    with pytest.raises(SystemExit):
        main(["sums", "--models", "1", "--steps", "5", "lstm"])
    assert "does not hold: lstm, torch.float32; lstm, torch.float64" in capsys.readouterr().out


def test_lines_that_only_cancel_are_counted(monkeypatch, capsys):
    found = iter([None, sums.Certificate("", 0.0, 0.0, 3e-16, 1e-6)] * 2)
    monkeypatch.setattr(sums, "_decomposition", lambda model: next(found))
    main(["sums", "--models", "2", "--steps", "5", "rnn"])
    assert capsys.readouterr().out.splitlines()[-1].endswith("3.0e-16, 1 refused")


def test_a_record_is_compared_and_timed(monkeypatch, capsys):
    monkeypatch.setattr(cost, "SHAPES", (cost.Shape(6, 3, 2, 4),))
    monkeypatch.setattr(cost, "DEAR", 1e3)
    main(["cost", "--seconds", "0.1"])
    assert capsys.readouterr().out.splitlines()[-1].startswith("6 x 3 x 2 -> 4 ")
    monkeypatch.setattr(cost, "DEAR", 0.1)
    with pytest.raises(SystemExit):
        main(["cost", "--seconds", "0.1"])


def test_a_record_of_something_else_would_show():
    module, packed = cost._drawn(cost.Shape(6, 3, 2, 4))
    assert cost.largest_difference(module, packed) < cost.NEAR
    looped = cost._looped
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost, "_looped", lambda *given, **named: looped(*given, **named) + torch.tensor(1e-3))
        assert cost.largest_difference(module, packed) > cost.NEAR
