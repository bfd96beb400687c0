"""Dropout inside the step against Gal and Ghahramani, and Semeniuta et al., with the masks that were drawn."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import sigmoid, tanh

from gatewise.cells import CELLS
from gatewise.errors import InputError
from gatewise.nn import GRU, LSTM, RNN, GRUResetBefore, Recurrent
from gatewise.nn.layer_run import drawn
from gatewise.transforms import candidate_dropout, recurrent_dropout

from ..tolerance import SIGMAS
from .loops import assert_is, input_sums, made, masks_of, recurrent_sums, run, sequence_of, states_of, sums

RATE = 0.4


def dropped(m, letters, *operands):
    """What U multiplies for each gate: under the one mask of all gates, or under the gate's own."""
    many = operands if len(operands) > 1 else operands * len(letters)
    own = {name.removeprefix("drop_"): mask for name, mask in vars(m).items()}
    return [operand * own.get(letter, own.get("recurrent")) for letter, operand in zip(letters, many, strict=True)]


def gal_lstm(p, m, x, h, c):
    i, f, g, o = sums(p, x, *dropped(m, ["i", "f", "g", "o"], h))
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def gal_gru(p, m, x, h):
    # only what U multiplies is dropped: the h that z lets through is whole
    (r, z, n), (r_h, z_h, n_h) = input_sums(p, x), recurrent_sums(p, *dropped(m, ["r", "z", "n_h"], h))
    r, z = sigmoid(r + r_h), sigmoid(z + z_h)
    return ((1 - z) * tanh(n + r * n_h) + z * h,)


def gal_gru_reset_before(p, m, x, h):
    letters = ["r", "z", "candidate"]
    r, z, _ = (sigmoid(a) for a in sums(p, x, *dropped(m, letters, h)))
    *_, n = sums(p, x, *dropped(m, letters, h, h, r * h))
    return ((1 - z) * tanh(n) + z * h,)


def semeniuta_lstm(p, m, x, h, c):
    # equation 9
    i, f, g, o = sums(p, x, h)
    c = sigmoid(f) * c + sigmoid(i) * (m.drop_candidate * tanh(g))
    return sigmoid(o) * tanh(c), c


def semeniuta_gru(p, m, x, h):
    (r, z, n), (r_h, z_h, n_h) = input_sums(p, x), recurrent_sums(p, h)
    r, z = sigmoid(r + r_h), sigmoid(z + z_h)
    return ((1 - z) * (m.drop_candidate * tanh(n + r * n_h)) + z * h,)


def semeniuta_rnn(p, m, x, h):
    (a,) = sums(p, x, h)
    return (m.drop_candidate * tanh(a),)


@pytest.mark.parametrize(("kind", "step"), [(LSTM, gal_lstm), (GRU, gal_gru), (GRUResetBefore, gal_gru_reset_before)])
def test_recurrent_dropout_has_one_mask_for_all_gates_and_steps(kind, step):
    assert_is(made(kind, recurrent_dropout=RATE), step)


@pytest.mark.parametrize(("name", "step"), [("lstm", gal_lstm), ("gru", gal_gru)])
def test_untied_recurrent_dropout_has_a_mask_for_each_gate(name, step):
    def untied(*sizes, **options):
        return Recurrent(recurrent_dropout(CELLS[name], RATE, tied=False), *sizes, **options)

    module = made(untied)
    masks = list(masks_of(module).values())
    assert len(masks) == sum(bool(gate.recurrent) for gate in CELLS[name].gates)
    assert not any(torch.equal(masks[0], other) for other in masks[1:])
    assert_is(module, step)


@pytest.mark.parametrize(("kind", "step"), [(LSTM, semeniuta_lstm), (GRU, semeniuta_gru), (RNN, semeniuta_rnn)])
def test_candidate_dropout_has_a_mask_for_each_step(kind, step):
    assert_is(made(kind, candidate_dropout=RATE), step)


OPTIONS = {"recurrent_dropout": (True, "drop_recurrent"), "candidate_dropout": (False, "drop_candidate")}
every_option = pytest.mark.parametrize("option", OPTIONS)


@every_option
def test_masks_are_zero_or_scaled_up_and_as_frequent_as_asked(option):
    same, name = OPTIONS[option]
    torch.manual_seed(2)
    mask = masks_of(LSTM(2, 50, **{option: RATE}), steps=20, rows=60)[name]
    assert set(mask.unique().tolist()) == {0.0, 1.0 / (1.0 - RATE)}
    assert (mask == mask[0]).all() == same, "over steps"
    own = mask[0] if same else mask
    assert abs((own == 0).double().mean() - RATE) <= SIGMAS * (RATE * (1 - RATE) / own.numel()) ** 0.5
    for dimension in (-1, -2):
        assert not torch.equal(own, own.roll(1, dimension)), "rows and units draw for themselves"


@every_option
@pytest.mark.parametrize("kind", [LSTM, GRU, GRUResetBefore])
def test_each_call_draws_anew_in_training_only(kind, option):
    module, x = made(kind, **{option: RATE}), sequence_of(steps=9)
    assert not torch.equal(module(x)[0], module(x)[0])
    module.eval()
    assert torch.equal(module(x)[0], module(x)[0])


@every_option
@pytest.mark.parametrize("kind", [LSTM, GRU, GRUResetBefore])
def test_outside_training_it_is_the_plain_cell_bit_for_bit(kind, option):
    plain, module = made(kind), made(kind, **{option: RATE}).eval()
    for a, b in zip(*(run(each, sequence_of(), states_of(each)) for each in (plain, module)), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(("transform", "each"), [(recurrent_dropout, "sequence"), (candidate_dropout, "step")])
def test_outside_training_masks_are_one_to_the_bit_at_every_rate(transform, each):
    like, means = torch.empty(0, dtype=torch.float64), {}
    for rate in (thousandth / 1000 for thousandth in range(1000)):
        means[rate] = drawn(transform(CELLS["lstm"], rate), each, 1, 1, like, training=False).item()
    assert {rate: mean for rate, mean in means.items() if mean != 1.0} == {}


def test_a_cell_that_names_no_candidate_is_refused():
    with pytest.raises(InputError, match="lstm does not name its candidate"):
        candidate_dropout(replace(CELLS["lstm"], candidate=""), RATE)


@pytest.mark.parametrize("rate", [1.0, -0.1, True, float("nan")])
@pytest.mark.parametrize("transform", [recurrent_dropout, candidate_dropout])
def test_what_is_no_probability_is_refused(transform, rate):
    with pytest.raises(InputError, match="dropout must be a probability of at least 0 and below 1"):
        transform(CELLS["lstm"], rate)


@pytest.mark.parametrize("twice", [recurrent_dropout, candidate_dropout])
def test_a_second_mask_of_the_same_name_is_refused(twice):
    with pytest.raises(InputError, match=r"reads 'drop_\w+' already"):
        twice(twice(CELLS["lstm"], 0.5), 0.5)
