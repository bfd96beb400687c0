"""What is compiled, and how often."""

from __future__ import annotations

import re

import pytest
import torch

from gatewise.cells import CELLS
from gatewise.compiler.stages import backward_sweep, forward_sweep
from gatewise.kernels.cpu import compile as compiling
from gatewise.kernels.cpu.blocking import this_machine, widths
from gatewise.nn import Recurrent

from ..matrix import every_cell_slowly

CALLED = ("exp", "sigmoid", "tanh", "log_sigmoid")  # functions of the module


@pytest.fixture
def compilations(monkeypatch):
    """What every module that goes to LLVM is written from."""
    seen: list[object] = []
    original = compiling.engine_of

    def counted(source):
        seen.append(source.origin)
        return original(source)

    monkeypatch.setattr(compiling, "engine_of", counted)
    return seen


def train(module, steps, rows, inputs):
    module(torch.randn(steps, rows, inputs))[0].sum().backward()


@every_cell_slowly
def test_a_training_loop_compiles_nothing_twice(cell, compilations):
    """Not for other lengths, batches, inputs or numbers of units, nor between training and evaluation."""
    small, large = Recurrent(cell, 3, 5), Recurrent(cell, 20, 40)
    for module, inputs in ((small, 3), (large, 20)):
        for rows in (2, 9):
            train(module, 3, rows, inputs)
            with torch.no_grad():
                module(torch.randn(2, rows, inputs))
    compilations.clear()
    for step in range(1, 4):
        for rows in (1, 3, 5, 17):
            train(small, step, rows, 3)
            train(large, 2 * step, rows, 20)
            with torch.no_grad():
                small(torch.randn(step, rows, 3))
    assert compilations == []


def test_the_sums_are_vector_instructions():
    """A loop that LLVM left to scalars would be right, and ten times slower."""
    text = str(compiling.optimised(compiling.llvm_text(forward_sweep(CELLS["lstm"], keep=True), torch.float32)))
    tile = text[text.index("define internal void @stage0_tile2(") :]
    body = tile[: tile.index("\n}")]
    assert body.count("@llvm.fma.v") >= 4
    assert "@llvm.fma.f32" not in body


@every_cell_slowly
def test_a_step_is_written_once_however_wide_a_block_of_units_is(cell):
    """A copy for every vector, or one for the end of a row, is compiled at the price of all others."""
    sweep = backward_sweep(cell)
    dear = sum(instruction.op in CALLED for stage in sweep.stages for instruction in stage.body.body)
    for vectors in (compiling.FOR_FEW_ROWS, *widths(sweep.stages, torch.float32, this_machine())):
        text = compiling.llvm_text(sweep, torch.float32, vectors)
        bodies = re.findall(r"define internal void @\"?stage\d+_body\b.*?\n}", text, re.DOTALL)
        assert sum(len(re.findall(rf"call .*@\"?({'|'.join(CALLED)})\"?\(", body)) for body in bodies) == dear
