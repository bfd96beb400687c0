"""The benchmarks of exported C: their quick forms hold, and each can fail."""

from __future__ import annotations

import pytest
import torch
from benchmarks.device import parity, speed, ulp
from benchmarks.device.drawn import drawn
from benchmarks.device.main import main
from torch import nn

from gatewise.cells import CELLS

from ..needs import needs_gcc

pytestmark = needs_gcc


def test_random_models_agree_with_python(capsys):
    main(["parity", "--models", "3", "--steps", "300", "lstm", "slstm"])
    *_, lstm, slstm, last = (line.split()[:2] for line in capsys.readouterr().out.splitlines())
    assert [lstm, slstm, last] == [["lstm", "2"], ["slstm", "1"], ["all", "3"]]


def test_a_file_that_computes_something_else_does_not_hold(monkeypatch, capsys):
    said = parity._said
    monkeypatch.setattr(parity, "_said", lambda model, x: said(model, x) + 1e-5 * (x.dtype is torch.float64))
    monkeypatch.setattr(parity, "C_FILE_BESIDE_OURS", 0.5)
    with pytest.raises(SystemExit):
        main(["parity", "--models", "1", "--steps", "10", "rnn"])
    assert "does not hold: rnn" in capsys.readouterr().out


def test_models_are_drawn_over_layers_and_heads_and_the_same_from_the_same_seed():
    models = [drawn(CELLS["gru"], seed) for seed in range(60)]
    kinds = {type(part) for each in models for part in each.model.parts}
    assert {nn.Linear, nn.Tanh, nn.Sigmoid, nn.ReLU, nn.LogSigmoid, nn.LayerNorm} <= kinds
    assert len({each.about for each in models}) == len(models)
    again = drawn(CELLS["gru"], 3)
    assert again.about == models[3].about
    assert all(torch.equal(p, q) for p, q in zip(again.model.parameters(), models[3].model.parameters(), strict=True))


def test_functions_are_within_the_bound_they_promise(monkeypatch, capsys):
    main(["ulp", "--quick"])
    printed = capsys.readouterr().out
    assert "sigmoid" in printed
    assert "tanh" in printed
    monkeypatch.setattr(ulp, "BOUND", 1e-8)
    with pytest.raises(SystemExit):
        main(["ulp", "--every", "999983", "tanh"])


def test_a_step_of_every_build_and_of_a_stream_is_timed(monkeypatch, capsys):
    monkeypatch.setattr(speed, "UNITS", (4,))
    monkeypatch.setattr(speed, "STREAMED", 4)
    main(["speed", "--seconds", "0.1"])
    lines = capsys.readouterr().out.splitlines()[2:]
    assert len(lines) == len(speed.BUILDS) + 1
    assert all(0 < float(line.split()[-1]) < 1e6 for line in lines)
