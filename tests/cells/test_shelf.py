"""The shelf: cells from papers that bring no mechanism of their own, each against its formulas, typed out here from the
paper on PyTorch's own tensors; outputs, gradients, and every way in which a cell is run or written to a file."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import sigmoid, tanh

from gatewise import record, stream
from gatewise.cells import CELLS
from gatewise.compiler.lower import program_of
from gatewise.diagram import diagram
from gatewise.export import to_c, to_onnx
from gatewise.kernels import reference
from gatewise.kernels.dispatch import sequence
from gatewise.kernels.registry import register
from gatewise.nn import Recurrent

from ..matrix import SHELF, names, random_layer, relative_error
from ..tolerance import GRADIENT, ONNX_RUNTIME, PARITY

ROUNDED = ("skip_gru",)  # whose gradient is by its paper not that of its output
QUICK = ("rhn", "phased_lstm", "fast_grnn", "ind_rnn")  # called gates, elapsed time, one matrix and no U at all


def dot(rows, matrix):
    return torch.einsum("bi,oi->bo", rows, matrix)


def ind_rnn(x, h, W, U, b, u):
    return (torch.clamp(dot(x, W[0]) + u * h + b[0], min=0),)


def min_gru(x, h, W, U, b):
    z, n = sigmoid(dot(x, W[0]) + b[0]), dot(x, W[1]) + b[1]
    return (h + z * (n - h),)


def min_lstm(x, h, W, U, b):
    f, i = (sigmoid(dot(x, W[k]) + b[k]) for k in (0, 1))
    return ((f * h + i * (dot(x, W[2]) + b[2])) / (f + i),)


def sru(x, h, c, W, U, b, v_f, v_r):
    f, r = sigmoid(dot(x, W[1]) + v_f * c + b[0]), sigmoid(dot(x, W[2]) + v_r * c + b[1])
    c = f * c + (1 - f) * dot(x, W[0])
    return r * c + (1 - r) * dot(x, W[3]), c


def li_gru(x, h, W, U, b):
    z = sigmoid(dot(x, W[0]) + dot(h, U[0]) + b[0])
    return (z * h + (1 - z) * torch.clamp(dot(x, W[1]) + dot(h, U[1]) + b[1], min=0),)


def mut1(x, h, W, U, b):
    z, r = sigmoid(dot(x, W[0]) + b[0]), sigmoid(dot(x, W[1]) + dot(h, U[0]) + b[1])
    return (tanh(dot(r * h, U[1]) + tanh(dot(x, W[2])) + b[2]) * z + h * (1 - z),)


def ugrnn(x, h, W, U, b):
    g, c = (dot(x, W[k]) + dot(h, U[k]) + b[k] for k in (0, 1))
    return (sigmoid(g) * h + (1 - sigmoid(g)) * tanh(c),)


def star(x, h, W, U, b):
    k = sigmoid(dot(x, W[0]) + dot(h, U[0]) + b[0])
    return (tanh((1 - k) * h + k * tanh(dot(x, W[1]) + b[1])),)


def gru_d(x, h, W, U, b, w, v, elapsed):
    h = torch.exp(-torch.clamp(w * elapsed + v, min=0)) * h
    r, z = (sigmoid(dot(x, W[k]) + dot(h, U[k]) + b[k]) for k in (0, 1))
    return ((1 - z) * h + z * tanh(dot(x, W[2]) + dot(r * h, U[2]) + b[2]),)


def t_lstm(x, h, c, W, U, b, elapsed):
    i, f, g, o = (dot(x, W[k]) + dot(h, U[k]) + b[k] for k in range(4))
    short = tanh(dot(c, U[4]) + b[4])
    adjusted = (c - short) + short / torch.log(math.e + torch.clamp(elapsed, min=0))
    c = sigmoid(f) * adjusted + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def cfc(x, h, W, U, b, elapsed):
    f, g, k = (dot(x, W[at]) + dot(h, U[at]) + b[at] for at in range(3))
    return (sigmoid(-f * elapsed) * tanh(g) + sigmoid(f * elapsed) * tanh(k),)


def rhn(x, h, W, U, b):
    for layer in range(3):
        g, t = (dot(h, U[2 * layer + k]) + b[2 * layer + k] for k in (0, 1))
        if layer == 0:
            g, t = g + dot(x, W[0]), t + dot(x, W[1])
        h = tanh(g) * sigmoid(t) + h * (1 - sigmoid(t))
    return (h,)


def nested_lstm(x, h, c, n, W, U, b):
    i, f, g, o = (dot(x, W[k]) + dot(h, U[k]) + b[k] for k in range(4))
    old, new = sigmoid(f) * c, sigmoid(i) * tanh(g)
    i, f, g, p = (dot(new, U[4 + k]) + dot(old, U[8 + k]) + b[4 + k] for k in range(4))
    n = sigmoid(f) * n + sigmoid(i) * tanh(g)
    c = sigmoid(p) * tanh(n)
    return sigmoid(o) * tanh(c), c, n


def multiplicative_lstm(x, h, c, W, U, b):
    m = dot(x, W[0]) * dot(h, U[0])
    i, f, g, o = (dot(x, W[1 + k]) + dot(m, U[1 + k]) + b[k] for k in range(4))
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return tanh(c) * sigmoid(o), c


def mogrifier_lstm(x, h, c, W, U, b):
    x = dot(x, W[0])
    for number in range(5):
        if number % 2 == 0:
            x = 2 * sigmoid(dot(h, U[number])) * x
        else:
            h = 2 * sigmoid(dot(x, U[number])) * h
    i, f, g, o = (dot(x, U[5 + k]) + dot(h, U[9 + k]) + b[k] for k in range(4))
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def phased_lstm(x, h, c, W, U, b, log_period, shift, share, time):
    i, f, g, o = (dot(x, W[k]) + dot(h, U[k]) + b[k] for k in range(4))
    turns = (time - shift) / torch.exp(log_period)
    phase = turns - torch.floor(turns)
    rising, falling = phase < share / 2, (phase >= share / 2) & (phase < share)
    gate = torch.where(rising, 2 * phase / share, torch.where(falling, 2 - 2 * phase / share, 0.001 * phase))
    new = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return gate * sigmoid(o) * tanh(new) + (1 - gate) * h, gate * new + (1 - gate) * c


def fast_grnn(x, h, W, U, b, b_z, b_h, zeta, nu):
    shared = dot(x, W[0]) + dot(h, U[0])
    z = sigmoid(shared + b_z)
    return ((sigmoid(zeta) * (1 - z) + sigmoid(nu)) * tanh(shared + b_h) + z * h,)


def scrn(x, h, s, W, U, b):
    s = 0.05 * dot(x, W[0]) + 0.95 * s
    return sigmoid(dot(s, U[0]) + dot(x, W[1]) + dot(h, U[1])), s


def skip_gru(x, h, u, W, U, b):
    hit = u + (torch.round(u) - u).detach()
    r, z = (sigmoid(dot(x, W[k]) + dot(h, U[k]) + b[k]) for k in (0, 1))
    new = z * h + (1 - z) * tanh(dot(x, W[2]) + dot(r * h, U[2]) + b[2])
    h = hit * new + (1 - hit) * h
    du = sigmoid(dot(h, U[3]) + b[3])
    return h, hit * du + (1 - hit) * (u + torch.minimum(du, 1 - u))


FORMULAS = {
    formula.__name__: formula
    for formula in (
        ind_rnn, min_gru, min_lstm, sru, li_gru, mut1, ugrnn, star, gru_d, t_lstm, cfc, rhn, nested_lstm,
        multiplicative_lstm, mogrifier_lstm, phased_lstm, fast_grnn, scrn, skip_gru,
    )
}  # fmt: skip


def test_every_cell_of_the_shelf_has_a_formula():
    assert set(FORMULAS) == SHELF
    assert set(CELLS) > SHELF


def looped(name, layer, leaves):
    """Outputs and last states of a plain loop."""
    cell, units = CELLS[name], layer.units
    x, W, U, b, per_unit, states = leaves
    x = x.view(layer.steps, layer.rows, -1)
    features, own = x[..., : layer.inputs], [x[..., layer.inputs + k, None] for k in range(len(cell.row_inputs))]
    W, U, b = W.view(-1, units, layer.inputs), U.view(-1, units, units), b.view(-1, units)
    state, outputs = tuple(states), []
    for step in range(layer.steps):
        read = [number[step] for number in own]
        state = FORMULAS[name](features[step], *state, W, U, b, *per_unit, *read)
        outputs.append(state[0])
    return torch.cat(outputs), torch.stack(state)


@pytest.mark.parametrize("name", names(FORMULAS, QUICK))
def test_outputs_and_gradients_are_the_papers(name):
    """Of the kernels for rows and for few rows, and of the plain driver."""
    registered = register(CELLS[name])
    for rows in (5, 2):
        layer = random_layer(CELLS[name], 4, rows, 3, 7)
        results = []
        for run in (
            lambda layer, leaves: looped(name, layer, leaves),
            lambda layer, leaves: sequence(registered, _with(layer, leaves))[:2],
            lambda layer, leaves: reference.forward(registered.cell, _with(layer, leaves))[:2],
        ):
            leaves = [tensor.clone().requires_grad_() for tensor in layer[:6]]
            y, last = run(layer, leaves)
            total = y.square().sum() + last.sin().sum()
            results.append([y, last, *torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)])
        expected, *found = results
        for driver in found:
            for at, (one, other) in enumerate(zip(driver, expected, strict=True)):
                assert relative_error(one, other) <= (PARITY["float64"] if at < 2 else GRADIENT)


def _with(layer, leaves):
    return layer._replace(**dict(zip(layer._fields, leaves, strict=False)))


@pytest.mark.parametrize("name", names(FORMULAS, QUICK))
def test_it_is_streamed_recorded_drawn_and_exported(name, tmp_path):
    """To C in float and int8, whose writers check what they write, and to ONNX, likewise."""
    torch.manual_seed(1)
    module, x = Recurrent(CELLS[name], 4, 6), torch.rand(12, 3, 4)
    y = module(x)[0].detach()
    steps = stream(module, 3)
    assert torch.equal(torch.stack([steps.step(row) for row in x]), y)
    kept = record(module, x)
    assert torch.equal(kept.output[0], y)
    assert all(torch.isfinite(gate).all() for gate in kept.gates.values())
    assert diagram(CELLS[name]).startswith("<svg")
    assert str(program_of(CELLS[name]))
    assert to_c(module, tmp_path, name="floats").sizes.states == sum(module.widths(module.places[0]))
    assert to_c(module, tmp_path, name="whole", dtype="int8", calibration=x).quality.ratio > 25.0
    assert to_onnx(module, tmp_path / "model.onnx").difference < ONNX_RUNTIME
    if name not in ROUNDED:
        double = Recurrent(CELLS[name], 3, 3, dtype=torch.float64)
        given = torch.rand(2, 2, 3, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradgradcheck(lambda x: double(x)[0], given)
    assert np.isfinite(y.numpy()).all()
