from __future__ import annotations

import itertools
import math

import pytest
import torch

from gatewise.cells import CELLS
from gatewise.nn.dropout import dropout
from gatewise.nn.layer_run import drawn
from gatewise.transforms import recurrent_dropout, zoneout

from ..tolerance import SIGMAS

ROWS, UNITS = 1000, 256
RATES = (0.05, 0.5, 0.9)


def five_sigma(probability: float) -> float:
    return 5 * math.sqrt(probability * (1 - probability) / (ROWS * UNITS)) + 1e-6


@pytest.mark.parametrize(("h", "c"), list(itertools.product(RATES, RATES)))
def test_two_draws_hit_with_their_probabilities_and_independently(h, c):
    torch.manual_seed(0)
    cell = zoneout(CELLS["lstm"], {"h": h, "c": c})
    found = drawn(cell, "step", ROWS, UNITS, torch.empty(0), training=True)
    first, second = (found == 1.0).double()
    rates = [noise.rate for noise in cell.noise]
    for hits, probability in ((first, rates[0]), (second, rates[1]), (first * second, rates[0] * rates[1])):
        assert abs(hits.mean().item() - probability) <= five_sigma(probability)


def test_draws_of_each_row_and_unit_are_their_own():
    torch.manual_seed(0)
    cell = recurrent_dropout(CELLS["lstm"], 0.5)
    found = drawn(cell, "sequence", ROWS, UNITS, torch.empty(0), training=True)
    centred = (found - found.mean()) / found.std()
    for shifted in (centred.roll(1, dims=1), centred.roll(1, dims=2)):
        assert abs((centred * shifted).mean().item()) <= 5 / math.sqrt(centred.numel())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_dropout_zeroes_its_share_and_scales_the_rest(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    values = torch.ones(20, 50, 7, dtype=dtype, requires_grad=True)
    dropped = dropout(values, 0.3, training=True)
    assert abs(float((dropped == 0).double().mean()) - 0.3) < SIGMAS * (0.3 * 0.7 / values.numel()) ** 0.5
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / 0.7, dtype=dtype).item()}
    (gradient,) = torch.autograd.grad(dropped.sum(), values)
    assert torch.equal(gradient, dropped)
    assert not torch.equal(dropout(values, 0.3, training=True), dropped)
    torch.manual_seed(0)
    assert torch.equal(dropout(values, 0.3, training=True), dropped)


def test_dropout_leaves_values_alone_where_nothing_is_dropped() -> None:
    values = torch.ones(3, 4)
    assert dropout(values, 0.3, training=False) is values
    assert dropout(values, 0.0, training=True) is values
    assert dropout(values[:0], 0.3, training=True).shape == (0, 4)
