"""Clipping against formulas with torch.clamp."""

from __future__ import annotations

import pytest
import torch
from torch import clamp, sigmoid, tanh

from gatewise.cells import CELLS
from gatewise.errors import InputError
from gatewise.nn import GRU, LSTM, CoupledLSTM, GRUResetBefore, PeepholeLSTM
from gatewise.transforms import clip_gates, clip_memory

from .loops import assert_is, both, input_sums, made, recurrent_sums, sums

BOUND = 0.4


def lstm(p, m, x, h, c):
    i, f, g, o = sums(p, x, h)
    c = clamp(sigmoid(f) * c + sigmoid(i) * tanh(g), -BOUND, BOUND)
    return sigmoid(o) * tanh(c), c


def peephole_lstm(p, m, x, h, c):
    i, f, g, o = sums(p, x, h)
    c = clamp(sigmoid(f + p.p_f * c) * c + sigmoid(i + p.p_i * c) * tanh(g), -BOUND, BOUND)
    return sigmoid(o + p.p_o * c) * tanh(c), c  # the output gate sees the clipped memory


def gru(p, m, x, h):
    (r, z, n), (r_h, z_h, n_h) = input_sums(p, x), recurrent_sums(p, h)
    r, z = sigmoid(r + r_h), sigmoid(z + z_h)
    return (clamp((1 - z) * tanh(n + r * n_h) + z * h, -BOUND, BOUND),)


def coupled_lstm_gates(p, m, x, h, c):
    f, g, o = (clamp(a, -BOUND, BOUND) for a in sums(p, x, h))
    f = sigmoid(f)
    c = f * c + (1 - f) * tanh(g)
    return sigmoid(o) * tanh(c), c


def gru_reset_before_gates(p, m, x, h):
    r, z = (sigmoid(clamp(a, -BOUND, BOUND)) for a in sums(p, x, h)[:2])
    n = tanh(clamp(sums(p, x, h, h, r * h)[2], -BOUND, BOUND))
    return ((1 - z) * n + z * h,)


@pytest.mark.parametrize(("kind", "step"), [(LSTM, lstm), (PeepholeLSTM, peephole_lstm), (GRU, gru)])
def test_memory_is_clipped_before_it_is_read(kind, step):
    module = made(kind, clip_memory=BOUND)
    _, found, _ = both(module, step)
    memory = found[module.cell.state[-1]]
    assert memory.abs().max() == BOUND, "some is clipped"
    assert memory.abs().min() < BOUND, "and some is not"
    assert_is(module, step)


@pytest.mark.parametrize(
    ("kind", "step"), [(CoupledLSTM, coupled_lstm_gates), (GRUResetBefore, gru_reset_before_gates)]
)
def test_sums_are_clipped_before_their_activation(kind, step):
    assert_is(made(kind, clip_gates=BOUND), step)


def test_nothing_flows_back_through_what_is_clipped():
    module = made(LSTM, clip_memory=1e-3)
    y, (_, c) = module(torch.ones(1, 1, 2, dtype=torch.float64))
    assert (c.abs() == 1e-3).all()
    y.sum().backward()
    *writing, output = module.bias_ih_l0.grad.view(4, -1)
    assert not torch.stack(writing).any()
    assert output.all()


def test_the_relative_memory_of_slstm_is_refused():
    with pytest.raises(InputError, match="slstm is stored relative to its stabiliser and needs no clipping"):
        clip_memory(CELLS["slstm"], BOUND)


@pytest.mark.parametrize("bound", [0.0, -1.0, True, float("nan")])
@pytest.mark.parametrize("transform", [clip_memory, clip_gates])
def test_a_bound_that_bounds_nothing_is_refused(transform, bound):
    with pytest.raises(InputError, match="a clip bound must be greater than 0"):
        transform(CELLS["lstm"], bound)
