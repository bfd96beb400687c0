"""The benchmark of programs: each has torch.nn's losses with ours, and a difference would show."""

from __future__ import annotations

import pytest
import torch
from benchmarks.cpu.parity import ParityError
from benchmarks.programs import main as programs

from ..matrix import names

QUICK = ["RecurrentPPO", "cells, GRUCell"]  # layers and cells; what else programs do is tested of modules


@pytest.mark.parametrize("name", names(programs.PROGRAMS, QUICK))
def test_losses_are_those_of_torch(name):
    assert programs.compared(name) <= programs.LOSS


def test_programs_learn():
    losses = programs._losses("forecaster", "gatewise")
    assert losses == sorted(set(losses), reverse=True)


def test_a_program_is_timed_once_its_losses_agree(monkeypatch):
    monkeypatch.setattr("benchmarks.measure._SAMPLE", 1e-9)
    name = "cells, GRUCell"
    finding = programs.measured([name], 0.0)
    assert [row.case for row in finding.rows] == [name]
    assert finding.verdicts[0].reached.endswith(name)


class _Forgetful(torch.nn.GRUCell):
    def forward(self, input, hx=None):
        h = super().forward(input, hx)
        return h.detach() + 0.9 * (h - h.detach())


def test_a_gradient_that_is_wrong_is_not_timed(monkeypatch):
    library = type("", (), {"GRUCell": _Forgetful})
    monkeypatch.setitem(programs.LIBRARIES, "torch.nn", library)
    with pytest.raises(ParityError, match="cells, GRUCell"):
        programs.measured(["cells, GRUCell"], 0.0)
