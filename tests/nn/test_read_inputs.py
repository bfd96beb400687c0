"""What a step reads of its input itself, weights of one number, and gates that are called several times: every driver
against loops typed out here, and what cannot be is refused by name."""

from __future__ import annotations

import pytest
import torch
from torch import sigmoid, tanh

from gatewise import cell, record, stream
from gatewise.errors import InputError
from gatewise.kernels import reference
from gatewise.kernels.dispatch import sequence
from gatewise.kernels.registry import register
from gatewise.nn import Recurrent, RecurrentCell

from ..matrix import random_layer, relative_error
from ..tolerance import GRADIENT, PARITY
from ..user_cells import reads_itself, versatile

T, B, F, H = 6, 3, 4, 5


def typed_versatile(w, x):
    """The cell `versatile` in PyTorch's own words; x (T, B, F + 2)."""
    features, elapsed, keep = x[..., :-2], x[..., -2:-1], x[..., -1:]
    (W_r, W_m), (U_r, U_i, U_m) = w["weight_ih_l0"].chunk(2), w["weight_hh_l0"].chunk(3)
    h = s = x.new_zeros(x.shape[1], H)
    b_r, b_i = w["bias_ih_l0"] + w["bias_hh_l0"][:H], w["bias_hh_l0"][H:]
    outputs = []
    for t in range(len(x)):
        rate = sigmoid(features[t] @ W_r.t() + h @ U_r.t() + b_r - torch.relu(w["leak_l0"] * elapsed[t]))
        for _ in range(3):
            s = s + w["share_l0"] * tanh(s @ U_i.t() + b_i + w["scale_l0"])
        attention = s.exp() / s.exp().sum(1, keepdim=True)
        s = s * sigmoid(keep[t]) / (1 + (s**2).sum(1, keepdim=True)).sqrt()
        kept = torch.where(keep[t] > 0, keep[t], 0.5 * keep[t])
        h = rate * h + (1 - rate) * tanh(features[t] @ W_m.t() + tanh(h) @ U_m.t()) + attention * kept
        outputs.append(h)
    return torch.stack(outputs)


def typed_reads_itself(w, x):
    """The cell `reads_itself`; x (T, B, H + 1)."""
    features, fresh = x[..., :-1], x[..., -1:]
    U_g, U_i = w["weight_hh_l0"].chunk(2)
    h = x.new_zeros(x.shape[1], H)
    outputs = []
    for t in range(len(x)):
        gate = sigmoid(features[t] @ w["weight_ih_l0"].t() + h @ U_g.t() + w["bias_ih_l0"] + w["bias_hh_l0"])
        h = tanh((gate * features[t]) @ U_i.t() + features[t]) + 0.5 * h * (fresh[t] <= 0)
        outputs.append(h)
    return torch.stack(outputs)


CASES = {"versatile": (versatile, F + 2, typed_versatile), "reads_itself": (reads_itself, H + 1, typed_reads_itself)}


@pytest.mark.parametrize("name", CASES)
def test_a_module_is_the_loop(name):
    kind, width, loop = CASES[name]
    torch.manual_seed(1)
    module = Recurrent(kind, width, H, dtype=torch.float64)
    x = torch.randn(T, B, width, dtype=torch.float64, requires_grad=True)
    weights = dict(module.named_parameters())
    y, expected = module(x)[0], loop(weights, x)
    assert relative_error(y, expected) <= PARITY["float64"]
    leaves = [x, *weights.values()]
    found, true = (torch.autograd.grad(out.square().sum(), leaves) for out in (y, expected))
    for one, other in zip(found, true, strict=True):
        assert relative_error(one, other) <= GRADIENT


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("sizes", [None, torch.tensor([5, 3, 3, 1])], ids=["even", "ragged"])
def test_kernels_are_the_plain_loop(name, sizes):
    kind = CASES[name][0]
    layer = random_layer(kind, 4, 5, 7, 7, batch_sizes=sizes)
    results = []
    for run in (lambda layer: sequence(register(kind), layer), lambda layer: reference.forward(kind, layer)):
        leaves = [tensor.clone().requires_grad_() for tensor in layer[:6]]
        states = run(layer._replace(**dict(zip(layer._fields, leaves, strict=False))))
        total = states.y.square().sum() + states.last.sin().sum()
        gradients = torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
        results.append([states.y, states.last, *gradients])
    for found, expected in zip(*results, strict=True):
        assert relative_error(found, expected) <= PARITY["float64"]


@pytest.mark.parametrize("name", CASES)
def test_streams_records_second_derivatives_and_steps_are_right(name):
    kind, width, _ = CASES[name]
    module = Recurrent(kind, width, H, dtype=torch.float64)
    x = torch.randn(T, B, width, dtype=torch.float64)
    y = module(x)[0].detach()
    steps = stream(module, B)
    assert torch.equal(torch.stack([steps.step(row) for row in x]), y)
    assert torch.equal(record(module, x).output[0], y)
    one = RecurrentCell(kind, width, H, dtype=torch.float64)
    for weight, other in zip(one.parameters(), module.parameters(), strict=True):
        weight.data.copy_(other.data)
    states = one(x[0])
    states = states if isinstance(states, tuple) else (states,)
    assert relative_error(states[0], y[0]) <= PARITY["float64"]
    assert torch.autograd.gradgradcheck(lambda x: module(x)[0], x[:2, :1].clone().requires_grad_())


def test_layers_above_the_first_read_the_same_numbers_of_the_input():
    module = Recurrent(versatile, F + 2, H, num_layers=2, bidirectional=True, dtype=torch.float64)
    assert [place.inputs for place in module.places] == [F, F, 2 * H, 2 * H]
    x = torch.randn(T, B, F + 2, dtype=torch.float64)
    first, second = (Recurrent(versatile, size, H, bidirectional=True, dtype=torch.float64) for size in (F + 2, 12))
    for part, layer in ((first, "l0"), (second, "l1")):
        given = {name: w for name, w in module.state_dict().items() if layer in name}
        part.load_state_dict({name.replace(layer, "l0"): weight for name, weight in given.items()})
    expected = second(torch.cat((first(x)[0], x[..., -2:]), -1))[0]
    assert relative_error(module(x)[0], expected) <= PARITY["float64"]
    module(x)[0].sum().backward()


def test_what_a_module_cannot_be_is_refused():
    with pytest.raises(
        InputError, match="reads elapsed, keep in the last columns of its input, of which there are few"
    ):
        Recurrent(versatile, 1, H)
    with pytest.raises(InputError, match="reads x itself, unit by unit: 3 features do not fit 5 units"):
        Recurrent(reads_itself, 4, H)
    with pytest.raises(InputError, match="which a stream has in its first layer"):
        stream(Recurrent(versatile, F + 2, H, num_layers=2))


def test_a_weight_of_one_number_is_learned():
    @cell(gates={"one": "W x + b"}, state="h", scalars={"rate": 0.5})
    def leaky(a, h, rate):
        h = rate * h + (1 - rate) * a
        return h

    module = Recurrent(leaky, 2, H)
    assert module.rate_l0.shape == (1,)
    assert module.rate_l0.item() == 0.5
    module(torch.randn(T, B, 2))[0].sum().backward()
    assert module.rate_l0.grad.shape == (1,)
