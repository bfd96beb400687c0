"""Each cell against its paper: formulas typed out here in NumPy, from the source, independent of the cell's file."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gatewise.cells import CELLS
from gatewise.kernels.dispatch import sequence
from gatewise.kernels.registry import register

from ..matrix import SHELF, names, random_layer
from ..tolerance import PARITY


def s(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, h, c, W, U, b):
    i, f, o = (s(W[k] @ x + U[k] @ h + b[k]) for k in (0, 1, 3))
    c = f * c + i * np.tanh(W[2] @ x + U[2] @ h + b[2])
    return o * np.tanh(c), c


def peephole_lstm(x, h, c, W, U, b, p_i, p_f, p_o):
    i = s(W[0] @ x + U[0] @ h + p_i * c + b[0])
    f = s(W[1] @ x + U[1] @ h + p_f * c + b[1])
    new = f * c + i * np.tanh(W[2] @ x + U[2] @ h + b[2])
    return s(W[3] @ x + U[3] @ h + p_o * new + b[3]) * np.tanh(new), new


def coupled_lstm(x, h, c, W, U, b):
    f = s(W[0] @ x + U[0] @ h + b[0])
    c = f * c + (1 - f) * np.tanh(W[1] @ x + U[1] @ h + b[1])
    return s(W[2] @ x + U[2] @ h + b[2]) * np.tanh(c), c


def gru(x, h, W, U, b):
    # gates with an input: r, z, n; with a recurrent part: r, z, n; biases: r, z, n of x, n of h
    r, z = s(W[0] @ x + U[0] @ h + b[0]), s(W[1] @ x + U[1] @ h + b[1])
    n = np.tanh(W[2] @ x + b[2] + r * (U[2] @ h + b[3]))
    return ((1 - z) * n + z * h,)


def gru_reset_before(x, h, W, U, b):
    r, z = s(W[0] @ x + U[0] @ h + b[0]), s(W[1] @ x + U[1] @ h + b[1])
    n = np.tanh(W[2] @ x + U[2] @ (r * h) + b[2])
    return ((1 - z) * n + z * h,)


def rnn(x, h, W, U, b):
    return (np.tanh(W[0] @ x + U[0] @ h + b[0]),)


def rnn_relu(x, h, W, U, b):
    return (np.maximum(W[0] @ x + U[0] @ h + b[0], 0),)


def lstm_1997(x, h, c, W, U, b):
    i, g, o = (s(W[k] @ x + U[k] @ h + b[k]) for k in range(3))
    c = c + i * (4 * g - 2)
    return o * (2 * s(c) - 1), c


def coupled_peephole_lstm(x, h, c, W, U, b, p_f, p_o):
    f = s(W[0] @ x + U[0] @ h + p_f * c + b[0])
    c = f * c + (1 - f) * np.tanh(W[1] @ x + U[1] @ h + b[1])
    return s(W[2] @ x + U[2] @ h + p_o * c + b[2]) * np.tanh(c), c


def mgu(x, h, W, U, b):
    f = s(W[0] @ x + U[0] @ h + b[0])
    return ((1 - f) * h + f * np.tanh(W[1] @ x + U[1] @ (f * h) + b[1]),)


def janet(x, h, W, U, b):
    a, g = (W[k] @ x + U[k] @ h + b[k] for k in (0, 1))
    return (s(a) * h + (1 - s(a - 1)) * np.tanh(g),)


def slstm(x, h, c, n, m, W, U, b):
    # equations 15 to 17 of the paper: what is stored is c and n over exp(m)
    i, f, z, o = (W[k] @ x + U[k] @ h + b[k] for k in range(4))
    new_m = np.maximum(np.log(s(f)) + m, i)
    i, f = np.exp(i - new_m), np.exp(np.log(s(f)) + m - new_m)
    c, n = f * c + i * np.tanh(z), f * n + i
    return s(o) * c / n, c, n, new_m


FORMULAS = {
    formula.__name__: formula
    for formula in (
        rnn, rnn_relu, lstm_1997, lstm, peephole_lstm, coupled_lstm, coupled_peephole_lstm,
        gru, gru_reset_before, mgu, janet, slstm,
    )
}  # fmt: skip


def test_every_cell_has_a_formula():
    assert set(FORMULAS) | SHELF == set(CELLS)


@pytest.mark.parametrize("name", names(FORMULAS))
def test_the_cell_is_its_papers(name):
    units, steps, rows, inputs = 5, 4, 3, 2
    layer = random_layer(CELLS[name], steps, rows, inputs, units)
    y, last, *_ = sequence(register(CELLS[name]), layer)
    x, y = (tensor.view(steps, rows, -1) for tensor in (layer.x, y))
    W, U, b, per_unit, states = (tensor.numpy() for tensor in layer[1:6])
    W, U, b = W.reshape(-1, units, inputs), U.reshape(-1, units, units), b.reshape(-1, units)
    for row in range(rows):
        state = tuple(states[:, row])
        for step in range(steps):
            state = FORMULAS[name](x[step, row].numpy(), *state, W, U, b, *per_unit)
            np.testing.assert_allclose(y[step, row].numpy(), state[0], rtol=PARITY["float64"], atol=PARITY["float64"])
        np.testing.assert_allclose(last[:, row].numpy(), state, rtol=PARITY["float64"], atol=PARITY["float64"])
    assert torch.isfinite(y).all()
