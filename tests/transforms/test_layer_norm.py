"""Layer normalisation against the two published conventions, written with torch.nn.functional.layer_norm."""

from __future__ import annotations

import pytest
import torch
from torch import cat, sigmoid, tanh
from torch.nn.functional import layer_norm as normal

from gatewise.errors import InputError
from gatewise.nn import GRU, LSTM, RNN, GRUResetBefore
from gatewise.transforms import layer_norm

from .loops import INPUTS, UNITS, assert_close, assert_is, both, gradients, made, run, sequence_of, states_of


def joined(p, names):
    return cat([getattr(p, name) for name in names.split()])


def normalised(a, gain, shift=None):
    """LN over everything a row has."""
    return normal(a, a.shape[-1:], gain, shift, eps=1e-5)


def lstm_sums(p, x, h):
    # LN(W x) + LN(U h) + b, over 4 H each
    of_x = normalised(x @ p.weight_ih.T, joined(p, "gain_i_x gain_f_x gain_g_x gain_o_x"))
    of_h = normalised(h @ p.weight_hh.T, joined(p, "gain_i_h gain_f_h gain_g_h gain_o_h"))
    return (of_x + of_h + joined(p, "shift_i shift_f shift_g shift_o")).chunk(4, -1)


def fastrnns(p, m, x, h, c):
    # LayerNormLSTMCell of PyTorch's benchmarks/fastrnns/custom_lstms.py; the two shifts of a gate are added
    i, f, g, o = lstm_sums(p, x, h)
    c = normalised(sigmoid(f) * c + sigmoid(i) * tanh(g), p.gain_c, p.shift_c)
    return sigmoid(o) * tanh(c), c


def ba(p, m, x, h, c):
    # Ba et al., equations 20 to 22: the memory is normalised for the output only
    i, f, g, o = lstm_sums(p, x, h)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(normalised(c, p.gain_c, p.shift_c)), c


def gru(p, m, x, h):
    # haste's LayerNormGRU: LN over 3 H each; here with r, z, n in torch's order and n's reset after the product
    r, z, n = normalised(x @ p.weight_ih.T, joined(p, "gain_r_x gain_z_x gain_n_x_x")).chunk(3, -1)
    r_h, z_h, n_h = normalised(h @ p.weight_hh.T, joined(p, "gain_r_h gain_z_h gain_n_h_h")).chunk(3, -1)
    r, z = sigmoid(r + r_h + p.shift_r), sigmoid(z + z_h + p.shift_z)
    n = tanh(n + p.shift_n_x + r * (n_h + p.shift_n_h))
    return ((1 - z) * n + z * h,)


def gru_reset_before(p, m, x, h):
    # what the candidate multiplies with U is only known after r, so that it is normalised by itself, over H
    gains = joined(p, "gain_r_x gain_z_x gain_candidate_x")
    r, z, n = normalised(x @ p.weight_ih.T, gains).chunk(3, -1)
    U = p.weight_hh.split(UNITS)
    r_h, z_h = normalised(h @ cat(U[:2]).T, joined(p, "gain_r_h gain_z_h")).chunk(2, -1)
    r, z = sigmoid(r + r_h + p.shift_r), sigmoid(z + z_h + p.shift_z)
    n = tanh(n + normalised((r * h) @ U[2].T, p.gain_candidate_h) + p.shift_candidate)
    return ((1 - z) * n + z * h,)


def rnn(p, m, x, h):
    of_x, of_h = normalised(x @ p.weight_ih.T, p.gain_a_x), normalised(h @ p.weight_hh.T, p.gain_a_h)
    return (tanh(of_x + of_h + p.shift_a),)


CASES = {
    "lstm as fastrnns": (LSTM, "memory", fastrnns),
    "lstm as in the paper": (LSTM, "output", ba),
    "gru": (GRU, "output", gru),
    "gru_reset_before": (GRUResetBefore, "output", gru_reset_before),
    "rnn": (RNN, "output", rnn),
}
every_case = pytest.mark.parametrize("case", CASES)


@every_case
def test_it_is_its_published_form(case):
    kind, placement, step = CASES[case]
    assert_is(made(kind, layer_norm=placement), step)


@every_case
def test_rows_without_variance_are_zero_and_have_finite_gradients(case):
    kind, placement, step = CASES[case]
    module = made(kind, layer_norm=placement)
    with torch.no_grad():
        module.weight_ih_l0.zero_()
        module.weight_hh_l0.fill_(0.25)
    leaves, found, expected = both(module, step)
    for name, wanted in expected.items():
        assert_close(found[name], wanted, name)
    assert all(torch.isfinite(slope).all() for slope in gradients(list(found.values()), list(leaves.values())))


@every_case
def test_the_scale_of_the_weights_does_not_matter(case):
    kind, placement, _ = CASES[case]
    module = made(kind, layer_norm=placement)
    x, states = sequence_of(), states_of(module)
    results = []
    for scale in (1e8, 10.0):  # at first so large that epsilon is below a float64's last digit
        with torch.no_grad():
            module.weight_ih_l0 *= scale
            module.weight_hh_l0 *= scale
        results.append(run(module, x, states))
    for before, after in zip(*results, strict=True):
        assert_close(after, before)


@pytest.mark.parametrize("kind", [GRU, GRUResetBefore, RNN])
def test_cells_with_one_state_have_one_placement(kind):
    output, memory = (made(kind, layer_norm=placement) for placement in ("output", "memory"))
    assert torch.equal(output(sequence_of())[0], memory(sequence_of())[0])


def test_gains_start_at_one_and_shifts_at_zero():
    module = LSTM(INPUTS, UNITS, layer_norm="memory")
    starts = {"gain": 1.0, "shif": 0.0}
    found = {name: weight for name, weight in module.named_parameters() if name[:4] in starts}
    assert len(found) == 4 * 3 + 2
    assert all((weight == starts[name[:4]]).all() for name, weight in found.items())


def test_another_placement_is_refused():
    with pytest.raises(InputError, match="placed at output or memory, not 'before'"):
        layer_norm(LSTM(INPUTS, UNITS).cell, "before")
