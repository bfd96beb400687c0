"""Operators on layers of no steps, or of steps that no sequence runs: nothing is computed, and no memory read."""

from __future__ import annotations

import math

import pytest
import torch

from gatewise.kernels import operator, reference
from gatewise.kernels.cpu import passes
from gatewise.kernels.layer import Saved, Seeds
from gatewise.kernels.registry import register

from ..matrix import every_cell, random_layer, relative_error
from ..tolerance import PARITY


@every_cell
@pytest.mark.parametrize("sizes", [None, [], [0, 0]], ids=str)
def test_gradients_are_those_of_handing_the_state_on(cell, sizes, monkeypatch):
    apart = passes.rows_apart
    monkeypatch.setattr(passes, "rows_apart", lambda *shape: apart(*shape).fill_(math.nan))
    batch_sizes = None if sizes is None else torch.tensor(sizes, dtype=torch.int64)
    layer = random_layer(cell, 0, 2, 3, 4, batch_sizes=batch_sizes)
    y, last, gates, histories = operator.run_forward(register(cell).key, *layer, True)
    assert y.shape == (0, 4)
    assert torch.equal(last, layer.states)
    saved, seeds = Saved(y, gates, histories), Seeds(y, torch.randn_like(last), None)
    gradients = operator.run_backward(register(cell).key, *layer, *saved, *seeds, True)
    expected = reference.REFERENCE.backward(cell, layer, saved, seeds, input_gradient=True)
    for gradient, other in zip(gradients, expected, strict=True):
        assert relative_error(gradient, other) <= PARITY["float64"]
