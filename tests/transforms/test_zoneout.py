"""Zoneout against Krueger et al., arXiv:1606.01305, with the masks that were drawn."""

from __future__ import annotations

import pytest
import torch
from torch import sigmoid, tanh

from gatewise.cells import CELLS
from gatewise.errors import InputError
from gatewise.nn import GRU, LSTM, SLSTM
from gatewise.transforms import zoneout

from ..tolerance import SIGMAS
from .loops import (
    SEED,
    assert_close,
    assert_is,
    input_sums,
    made,
    masks_of,
    recurrent_sums,
    run,
    sequence_of,
    states_of,
    sums,
)

RATES = {"h": 0.2, "c": 0.6}


def lstm(p, m, x, h, c):
    # the output is computed from the memory before some of it is kept back
    i, f, g, o = sums(p, x, h)
    new = sigmoid(f) * c + sigmoid(i) * tanh(g)
    output = sigmoid(o) * tanh(new)
    return m.zone_h * h + (1 - m.zone_h) * output, m.zone_c * c + (1 - m.zone_c) * new


def gru(p, m, x, h):
    (r, z, n), (r_h, z_h, n_h) = input_sums(p, x), recurrent_sums(p, h)
    r, z = sigmoid(r + r_h), sigmoid(z + z_h)
    new = (1 - z) * tanh(n + r * n_h) + z * h
    return (m.zone_h * h + (1 - m.zone_h) * new,)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("kind", "step", "rates"), [(LSTM, lstm, RATES), (GRU, gru, {"h": 0.3})])
def test_it_is_the_papers(kind, step, rates, training):
    # the noise outside training is tested to be the rate below
    assert_is(made(kind, zoneout=rates).train(training), step)


def test_outside_training_the_masks_are_the_rates():
    masks = masks_of(made(LSTM, zoneout=RATES).eval())
    assert {name: mask.unique().tolist() for name, mask in masks.items()} == {"zone_h": [0.2], "zone_c": [0.6]}


def test_in_training_the_masks_are_zeros_and_ones():
    masks = masks_of(made(LSTM, zoneout=RATES))
    assert all(set(mask.unique().tolist()) == {0.0, 1.0} for mask in masks.values())


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_a_rate_of_zero_is_the_plain_cell(kind):
    plain, zoned = made(kind), made(kind, zoneout={"h": 0.0})
    for a, b in zip(*(run(module, sequence_of(), states_of(module)) for module in (plain, zoned)), strict=True):
        assert torch.equal(a, b)


def kept(module, x):
    """Which units of h and of c kept their value, to the bit, from one step to the next, (T - 1, B, H) each."""
    _, _, histories = module(x, return_states=True)
    return [states[0, 1:] == states[0, :-1] for states in histories]


def test_units_are_kept_as_often_as_asked():
    torch.manual_seed(SEED)
    module = LSTM(2, 40, zoneout=RATES, dtype=torch.float64)
    found = kept(module, torch.randn(60, 30, 2, dtype=torch.float64))
    for state, units in zip("hc", found, strict=True):
        rate, count = RATES[state], units.numel()
        assert abs(units.double().mean() - rate) <= SIGMAS * (rate * (1 - rate) / count) ** 0.5


def test_each_step_row_unit_and_call_draws_for_itself():
    module = GRU(2, 40, zoneout={"h": 0.5}, dtype=torch.float64)
    x = torch.randn(20, 10, 2, dtype=torch.float64)
    (first,), (second,) = kept(module, x), kept(module, x)
    assert not torch.equal(first, second), "calls"
    for dimension, name in enumerate(("steps", "rows", "units")):
        agreement = (first == first.roll(1, dimension)).double().mean()
        assert abs(agreement - 0.5) <= SIGMAS * 0.5 / first.numel() ** 0.5, name


def test_the_output_of_slstm_can_be_zoned_but_not_its_relative_states():
    rate = 0.4
    module, plain = made(SLSTM, zoneout={"h": rate}).eval(), made(SLSTM).eval()
    y, _ = module(sequence_of()[:1])
    assert_close(y, (1 - rate) * plain(sequence_of()[:1])[0])
    for state in "cnm":
        with pytest.raises(InputError, match=f"state '{state}' of slstm is stored relative to its stabiliser"):
            zoneout(CELLS["slstm"], {state: 0.1})


@pytest.mark.parametrize(("rates", "message"), [
    ({"s": 0.1}, "lstm has no state 's' to zone out"),
    ({"h": 1.0}, "zoneout of 'h' must be a probability of at least 0 and below 1, not 1.0"),
    ({"c": -0.1}, "zoneout of 'c' must be a probability"),
    ({"c": True}, "zoneout of 'c' must be a probability"),
])  # fmt: skip
def test_wrong_rates_are_refused(rates, message):
    with pytest.raises(InputError, match=message):
        zoneout(CELLS["lstm"], rates)
