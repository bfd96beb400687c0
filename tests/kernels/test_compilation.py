"""What is compiled, and how often."""

from __future__ import annotations

import pytest
import torch

from gatewise.cells import CELLS
from gatewise.compiler.stages import forward_sweep
from gatewise.kernels.cpu import compile as compiling
from gatewise.nn import Recurrent

from ..machine_code import passes
from ..matrix import every_cell


@pytest.fixture
def compilations(monkeypatch):
    """Every module that goes to LLVM."""
    seen: list[str] = []
    original = compiling.engine_of

    def counted(text):
        seen.append(text.splitlines()[1])
        return original(text)

    monkeypatch.setattr(compiling, "engine_of", counted)
    return seen


def train(module, steps, rows, inputs):
    module(torch.randn(steps, rows, inputs))[0].sum().backward()


@every_cell
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
    text = str(passes(compiling.llvm_text(forward_sweep(CELLS["lstm"], keep=True), torch.float32)))
    tile = text[text.index("@stage0_tile6") if "@stage0_tile6" in text else text.index("@stage0_tile") :]
    body = tile[: tile.index("\n}")]
    assert body.count("@llvm.fma.v") >= 4
    assert "@llvm.fma.f32" not in body
