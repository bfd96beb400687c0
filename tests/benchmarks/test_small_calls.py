"""The benchmark of small calls: every section gives its rows and goals, and none where results differ."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from benchmarks.cpu import small_calls
from benchmarks.cpu.parity import ParityError
from benchmarks.cpu.plan import Plan
from benchmarks.cpu.small_calls import CELL_MODULES, LAYER_MODULES, Stacked

import gatewise.nn

PLAN = Plan(0.0, (1,), True, lambda case: None)


@pytest.fixture(autouse=True)
def one_call_a_sample(monkeypatch):
    monkeypatch.setattr("benchmarks.measure._SAMPLE", 1e-9)


@pytest.mark.parametrize("training", [False, True])
def test_cells_are_timed_beside_torchs(training):
    finding = small_calls._cells(training, {(1, 4): 1e-3, (2, 4): 1e3}, PLAN)
    assert [row.case for row in finding.rows] == [f"{name}, B {b} H 4" for b in (1, 2) for name in CELL_MODULES]
    assert [verdict.holds for verdict in finding.verdicts] == [True, False]


@pytest.mark.parametrize("training", [False, True])
def test_layers_are_timed_beside_torchs(training):
    shapes = (Stacked(1, 2, 4), Stacked(3, 1, 4, 2, True))
    finding = small_calls._layers(training, shapes, list(LAYER_MODULES), "layers", PLAN)
    cases = ["T 1 B 2 H 4", "T 3 B 1 H 4, 2 layers, both ways"]
    assert [row.case for row in finding.rows] == [f"{name}, {case}" for name in LAYER_MODULES for case in cases]
    assert all(row.ratios["torch.nn"].median > 0 for row in finding.rows)


@pytest.mark.parametrize("training", [False, True])
def test_a_cell_that_computes_something_else_is_not_timed(monkeypatch, training):
    other = partial(gatewise.nn.RNNCell, nonlinearity="relu"), torch.nn.RNNCell
    monkeypatch.setitem(CELL_MODULES, "RNNCell", other)
    with pytest.raises(ParityError, match="RNNCell, B 2 H 4"):
        small_calls._cells(training, {(2, 4): 1.0}, PLAN)
