"""What modules do around a cell, against the same composed by hand out of single layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn, sigmoid, tanh
from torch.func import functional_call
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gatewise.errors import InputError
from gatewise.kernels import choice
from gatewise.kernels.reference import REFERENCE
from gatewise.nn import GRU, LSTM, RNN, SLSTM, GRUResetBefore, PeepholeLSTM
from gatewise.nn.modules import MODULES, name_of

from ..matrix import SHELF, values
from ..transforms.loops import (
    INPUTS,
    SEED,
    UNITS,
    assert_close,
    assert_is,
    gradients,
    input_sums,
    made,
    recurrent_sums,
    sequence_of,
    sums,
)
from ..transforms.stacks import as_tuple, assert_same, by_hand, flat

KINDS = [kind for name, kind in MODULES.items() if name not in map(name_of, SHELF)]
every_kind = pytest.mark.parametrize(
    "kind", values({kind.__name__: kind for kind in KINDS}, quick=["LSTM", "GRUResetBefore", "SLSTM"])
)
NARROW = 3  # P, or the units of a head


# Directions and layers


@every_kind
def test_two_directions_are_two_modules(kind):
    module, x = made(kind, num_layers=2, bidirectional=True), sequence_of()
    assert_same(module, flat(*module(x)), by_hand(module, x))


@every_kind
def test_two_directions_with_lengths_are_each_sequence_by_itself(kind):
    module, x, lengths = made(kind, num_layers=2, bidirectional=True), sequence_of(), [2, 4, 1]
    rows = [by_hand(module, x[:length, row : row + 1]) for row, length in enumerate(lengths)]
    padded = [functional.pad(y, (0, 0, 0, 0, 0, len(x) - len(y))) for y, *_ in rows]
    expected = [torch.cat(padded, 1), *(torch.cat(states) for states in zip(*(last for _, *last in rows), strict=True))]
    assert_same(module, flat(*module(x, lengths=lengths)), expected)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_layers_of_different_sizes_take_and_give_lists(kind, bidirectional):
    module, x = made(kind, INPUTS, [7, 4], num_layers=2, bidirectional=bidirectional), sequence_of()
    states = [[torch.randn(3, place.units, dtype=x.dtype) for _ in module.cell.state] for place in module.places]
    hx = tuple(list(state) for state in zip(*states, strict=True))
    y, last = module(x, hx if len(hx) > 1 else hx[0])
    assert all(isinstance(state, list) for state in as_tuple(last))
    assert_same(module, flat(y, last), by_hand(module, x, states))


def test_dropout_falls_on_the_outputs_of_every_layer_but_the_last():
    module, x = made(LSTM, num_layers=3, bidirectional=True, dropout=0.4), sequence_of()
    torch.manual_seed(SEED)
    found = flat(*module(x))
    torch.manual_seed(SEED)
    assert_same(module, found, by_hand(module, x, after=lambda layer, x, y: functional.dropout(y, 0.4 * (layer < 2))))
    assert_same(module.eval(), flat(*module(x)), by_hand(module, x))


@pytest.mark.parametrize(("inputs", "adds"), [(UNITS, (0, 1, 2)), (INPUTS, (1, 2))])
def test_residual_adds_the_input_where_it_is_as_wide(inputs, adds):
    module, x = made(GRU, inputs, UNITS, num_layers=3, residual=True), sequence_of(inputs)
    assert_same(module, flat(*module(x)), by_hand(module, x, after=lambda layer, x, y: y + x if layer in adds else y))


def test_residual_leaves_zeros_beyond_a_sequence():
    module, x = made(GRU, UNITS, UNITS, num_layers=2, residual=True, pre_norm=True), sequence_of(UNITS)
    lengths = [len(x) - 2 * (row % 2) for row in range(x.shape[1])]
    x[-2:, 1] = torch.inf
    y, last = module(x, lengths=lengths)
    assert not y[-2:, 1].any()
    assert torch.equal(y[:-2, 1:2], module(x[:-2, 1:2])[0])
    assert torch.isfinite(last).all()


@pytest.mark.parametrize("residual", [False, True])
def test_pre_norm_normalises_what_a_layer_reads_and_not_what_residual_adds(residual):
    module = made(LSTM, 2 * UNITS, UNITS, num_layers=2, bidirectional=True, pre_norm=True, residual=residual)
    x = sequence_of(2 * UNITS)

    def normalised(layer, x):
        norm = module.norms[layer]
        return functional.layer_norm(x, (2 * UNITS,), norm.weight, norm.bias)

    def added(layer, x, y):
        return x + y if residual else y

    assert_same(module, flat(*module(x)), by_hand(module, x, before=normalised, after=added))


# Projection


@pytest.mark.parametrize("lengths", [None, [2, 4, 1]], ids=str)
@pytest.mark.parametrize("given", [False, True])
def test_a_projected_lstm_is_torchs(given, lengths):
    options = {"num_layers": 2, "bidirectional": True, "proj_size": NARROW}
    ours, theirs, x = made(LSTM, **options), made(nn.LSTM, **options), sequence_of()
    theirs.load_state_dict(ours.state_dict())
    hx = tuple(torch.randn(4, 3, width, dtype=x.dtype) for width in (NARROW, UNITS)) if given else None
    packed = x if lengths is None else pack_padded_sequence(x, lengths, enforce_sorted=False)
    y, last = theirs(packed, hx)
    results = [flat(*ours(x, hx, lengths=lengths)), flat(y if lengths is None else pad_packed_sequence(y)[0], last)]
    for found, expected in zip(*results, strict=True):
        assert_close(found, expected)
    slopes = (gradients(results[at], list(module.parameters())) for at, module in enumerate((ours, theirs)))
    for found, expected in zip(*slopes, strict=True):
        assert_close(found, expected)


def projected(p, states):
    return states[0] @ p.weight_hr.T


def projected_gru(p, m, x, h):
    # the state is read whole by the update, so that it stays whole; U and the output see its projection
    (r, z, n), (r_h, z_h, n_h) = input_sums(p, x), recurrent_sums(p, h @ p.weight_hr.T)
    r, z = sigmoid(r + r_h), sigmoid(z + z_h)
    return ((1 - z) * tanh(n + r * n_h) + z * h,)


def projected_gru_reset_before(p, m, x, h):
    low = h @ p.weight_hr.T
    r, z, _ = (sigmoid(a) for a in sums(p, x, low))
    *_, n = sums(p, x, low, low, (r * h) @ p.weight_hr.T)
    return ((1 - z) * tanh(n) + z * h,)


def projected_peephole_lstm(p, m, x, h, c):
    i, f, g, o = sums(p, x, h)
    c = sigmoid(f + p.p_f * c) * c + sigmoid(i + p.p_i * c) * tanh(g)
    return (sigmoid(o + p.p_o * c) * tanh(c)) @ p.weight_hr.T, c


@pytest.mark.parametrize(("kind", "step"), [(GRU, projected_gru), (GRUResetBefore, projected_gru_reset_before)])
def test_a_projected_cell_that_reads_its_output_keeps_it_whole(kind, step):
    assert_is(made(kind, INPUTS, UNITS, proj_size=NARROW), step, output=projected)


def test_a_projected_cell_that_does_not_keeps_the_projection():
    assert_is(made(PeepholeLSTM, INPUTS, UNITS, proj_size=NARROW), projected_peephole_lstm)


# Heads


@every_kind
def test_heads_are_a_block_diagonal_u(kind):
    heads, units = 2, 2 * NARROW
    module, dense, x = made(kind, INPUTS, units, heads=heads), made(kind, INPUTS, units), sequence_of()
    gates = module.weight_hh_l0.view(-1, heads, NARROW, NARROW)
    weights = dict(module.named_parameters())
    weights["weight_hh_l0"] = torch.cat([torch.block_diag(*blocks) for blocks in gates])
    states = tuple(torch.rand(1, 3, units, dtype=x.dtype) + 0.5 for _ in module.cell.state)
    hx = states if len(states) > 1 else states[0]
    assert_same(module, flat(*module(x, hx)), flat(*functional_call(dense, weights, (x, hx))))


def test_units_that_do_not_fill_the_heads_are_refused():
    with pytest.raises(InputError, match="hidden_size 5 cannot be split into 2 heads"):
        LSTM(INPUTS, 5, heads=2)


# Weight drop


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_weight_drop_drops_entries_of_u(kind):
    rate = 0.5
    module, plain, x = made(kind, weight_drop=rate), made(kind), sequence_of()
    raw = module.weight_hh_l0.detach().clone()
    torch.manual_seed(SEED)
    found = flat(*module(x))
    torch.manual_seed(SEED)
    mask = functional.dropout(torch.ones_like(raw), rate)
    assert set(mask.unique().tolist()) == {0.0, 1 / (1 - rate)}
    weights = dict(module.named_parameters())
    weights["weight_hh_l0"] = weights["weight_hh_l0"] * mask
    assert_same(module, found, flat(*functional_call(plain, weights, (x,))))
    (slope,) = torch.autograd.grad(module(x)[0].sum(), module.weight_hh_l0)
    assert (slope == 0).any(), "an entry that is dropped learns nothing"
    assert torch.equal(module.weight_hh_l0, raw), "what the optimiser sees"


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_weight_drop_is_fresh_at_each_call_and_none_outside_training(kind):
    module, plain, x = made(kind, weight_drop=0.5), made(kind), sequence_of()
    first, second = (module(x)[0] for _ in range(2))
    assert torch.equal(first[0], second[0]), "U multiplies zeros at the first step"
    assert not torch.equal(first[1], second[1])
    assert torch.equal(module.eval()(x)[0], plain(x)[0])


# Learned initial states


def learned(module, rows):
    """What each layer and direction starts from."""
    return [
        [
            getattr(module, f"{name}_0{place.suffix}", torch.tensor(start).double()).expand(rows, place.units)
            for name, start in zip(module.cell.state, module.cell.initial, strict=True)
        ]
        for place in module.places
    ]


@pytest.mark.parametrize("kind", [LSTM, GRU, SLSTM])
def test_a_learned_state_is_where_every_row_starts(kind):
    module, x = made(kind, num_layers=2, bidirectional=True, learned_state=True), sequence_of()
    assert_same(module, flat(*module(x)), by_hand(module, x, learned(module, x.shape[1])))


def test_a_learned_state_starts_where_the_cell_does():
    for kind in (LSTM, SLSTM):
        torch.manual_seed(SEED)
        module = kind(INPUTS, UNITS, dtype=torch.float64, learned_state=True)
        torch.manual_seed(SEED)
        plain = kind(INPUTS, UNITS, dtype=torch.float64)
        assert torch.equal(module(sequence_of())[0], plain(sequence_of())[0])
        assert not hasattr(module, "m_0_l0"), "what starts from infinity is not learned"


def test_a_given_state_overrides_the_learned_one():
    module, plain, x = made(LSTM, learned_state=True), made(LSTM), sequence_of()
    hx = tuple(torch.randn(1, 3, UNITS, dtype=x.dtype) for _ in range(2))
    y, _ = module(x, hx)
    plain.load_state_dict(module.state_dict(), strict=False)
    assert torch.equal(y, plain(x, hx)[0])
    y.sum().backward()
    assert module.h_0_l0.grad is None


# Everything at once

EVERYTHING = {
    "num_layers": 2,
    "bidirectional": True,
    "dropout": 0.1,
    "layer_norm": "output",
    "zoneout": {"h": 0.2},
    "recurrent_dropout": 0.2,
    "h_detach": 0.2,
    "weight_drop": 0.2,
    "residual": True,
    "pre_norm": True,
    "learned_state": True,
}
# From m = -inf nothing of c and n of the sLSTM is left; from there on a factor on all input gates is in c and n alike.
WITHOUT_EFFECT = {SLSTM: ("c_0", "n_0", "shift_i")}


@pytest.fixture
def eager(monkeypatch):
    """Layers run as Python loops, which need no compiling: kernels are held against them elsewhere."""
    monkeypatch.setattr(choice, "DRIVERS", [REFERENCE])


@pytest.mark.usefixtures("eager")
@every_kind
def test_all_options_together_train(kind):
    module, x = made(kind, **EVERYTHING), sequence_of()
    before = {name: parameter.detach().clone() for name, parameter in module.named_parameters()}
    module(x)[0].square().sum().backward()
    torch.optim.SGD(module.parameters(), lr=0.1).step()
    for name, parameter in module.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert not torch.equal(parameter, before[name]) or name.startswith(WITHOUT_EFFECT.get(kind, ())), name


@pytest.mark.usefixtures("eager")
@every_kind
def test_outside_training_all_options_together_depend_on_nothing_else(kind):
    module, x = made(kind, **EVERYTHING).eval(), sequence_of()
    other = kind(INPUTS, UNITS, dtype=torch.float64, **EVERYTHING).eval()
    other.load_state_dict(module.state_dict())
    y, _ = module(x)
    assert torch.equal(module(x)[0], y)
    assert torch.equal(other(x)[0], y)
    ragged, _ = module(x, lengths=[2, 4, 1])
    for row, length in enumerate((2, 4, 1)):
        rows = slice(row, row + 1)
        assert_close(module(x[:, rows])[0], y[:, rows])
        assert_close(module(x[:length, rows])[0], ragged[:length, rows])


@pytest.mark.usefixtures("eager")
@every_kind
def test_torchs_seed_decides_all_that_is_random(kind):
    module, x = made(kind, **EVERYTHING), sequence_of()
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(module(x)[0])
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_all_options_together_are_the_same_compiled(request):
    module, x = made(RNN, **EVERYTHING), sequence_of()
    torch.manual_seed(SEED)
    compiled = flat(*module(x))
    request.getfixturevalue("eager")
    torch.manual_seed(SEED)
    assert_same(module, compiled, flat(*module(x)))
