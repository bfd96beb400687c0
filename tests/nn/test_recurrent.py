from __future__ import annotations

import copy
import itertools
import pickle

import pytest
import torch

import gatewise.nn
from gatewise.errors import InputError, ShapeError
from gatewise.nn import Recurrent, RecurrentCell

from ..matrix import every_cell, relative_error
from ..tolerance import PARITY

TWINS = ("LSTM", "GRU", "RNN")
OPTIONS = [
    dict(zip(("num_layers", "bias", "batch_first", "bidirectional"), values, strict=True))
    for values in itertools.product((1, 2), (True, False), (False, True), (False, True))
]


def twins(name, *sizes, **options):
    """Ours and torch's, drawn from the same seed."""
    found = []
    for module in (gatewise.nn, torch.nn):
        torch.manual_seed(3)
        found.append(getattr(module, name)(*sizes, **options, dtype=torch.float64))
    return found


def as_tuple(states):
    return states if isinstance(states, tuple) else (states,)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(str(value) for value in o.values()))
@pytest.mark.parametrize("name", TWINS)
def test_a_drop_in_for_torch(name, options):
    ours, theirs = twins(name, 4, 6, **options)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True)), "same draws"
    directions = 1 + options["bidirectional"]
    x = torch.randn(3, 5, 4, dtype=torch.float64)
    rows = x.shape[0 if options["batch_first"] else 1]
    state = tuple(torch.randn(options["num_layers"] * directions, rows, 6, dtype=torch.float64) for _ in range(2))
    given = state if name == "LSTM" else state[0]
    results = []
    for module in (ours, theirs):
        inputs = [x.clone().requires_grad_(), *(tensor.clone().requires_grad_() for tensor in as_tuple(given))]
        hx = tuple(inputs[1:]) if name == "LSTM" else inputs[1]
        y, last = module(inputs[0], hx)
        loss = (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).sum()
        loss = loss + sum((tensor * (index + 1)).sum() for index, tensor in enumerate(as_tuple(last)))
        gradients = torch.autograd.grad(loss, [*inputs, *module.parameters()])
        results.append([y, *as_tuple(last), *gradients])
    for ours_, theirs_ in zip(*results, strict=True):
        assert relative_error(ours_, theirs_) <= PARITY["float64"]


@pytest.mark.parametrize("name", TWINS)
def test_weights_travel_both_ways(name):
    ours, theirs = twins(name, 4, 6, num_layers=2, bidirectional=True)
    theirs.load_state_dict(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())


@every_cell
@pytest.mark.parametrize("bias", [True, False])
def test_unbatched_is_a_batch_of_one(cell, bias):
    module = Recurrent(cell, 3, 5, num_layers=2, bias=bias, bidirectional=True).eval()
    x = torch.randn(7, 3)
    y, last = module(x)
    batched, batched_last = module(x.unsqueeze(1))
    assert torch.equal(y, batched.squeeze(1))
    for one, many in zip(as_tuple(last), as_tuple(batched_last), strict=True):
        assert torch.equal(one, many.squeeze(1))


@every_cell
def test_a_sequence_in_two_parts_is_the_sequence(cell):
    module = Recurrent(cell, 3, 5, num_layers=2).eval()
    x = torch.randn(9, 4, 3)
    whole, last = module(x)
    first, state = module(x[:4])
    rest, ended = module(x[4:], state)
    assert torch.equal(whole, torch.cat((first, rest)))
    assert all(torch.equal(a, b) for a, b in zip(as_tuple(last), as_tuple(ended), strict=True))


@every_cell
def test_copies_and_pickles(cell):
    module = Recurrent(cell, 3, 5).eval()
    x = torch.randn(2, 1, 3)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(other(x)[0], module(x)[0])


@every_cell
def test_half_precision_is_float32_rounded_once(cell, monkeypatch):
    monkeypatch.setenv("GATEWISE_BFLOAT16", "0")  # whatever the processor can multiply
    module = Recurrent(cell, 3, 5, bias=False, dtype=torch.bfloat16).eval()
    x = torch.randn(4, 2, 3, dtype=torch.bfloat16)
    assert "float32" in module.driver(x).reason
    y = module(x)[0]
    assert torch.equal(y, module.float()(x.float())[0].bfloat16())


def test_dropout_is_between_layers_and_only_in_training():
    module = gatewise.nn.LSTM(3, 50, num_layers=2, dropout=0.5)
    x = torch.randn(4, 2, 3)
    assert not torch.equal(module(x)[0], module(x)[0])
    module.eval()
    assert torch.equal(module(x)[0], module(x)[0])
    single = gatewise.nn.LSTM(3, 50)
    assert torch.equal(single(x)[0], single(x)[0])


WRONG_INPUTS = {
    "features": (torch.zeros(2, 1, 4), r"input.size\(-1\) must be equal to input_size. Expected 3, got 4"),
    "dimensions": (torch.zeros(3), "to be 2D or 3D"),
    "dtype": (torch.zeros(2, 1, 3, dtype=torch.float64), "does not match weight dtype"),
    "kind": ([[1.0, 2.0, 3.0]], "is a list, not a tensor"),
}


@pytest.mark.parametrize("case", WRONG_INPUTS)
def test_wrong_input_is_named(case):
    wrong, message = WRONG_INPUTS[case]
    with pytest.raises(InputError, match=message):
        gatewise.nn.LSTM(3, 5)(wrong)


def test_wrong_states_are_named():
    module, x = gatewise.nn.LSTM(3, 5), torch.zeros(2, 4, 3)
    right, wrong = torch.zeros(1, 4, 5), torch.zeros(1, 1, 5)
    with pytest.raises(ShapeError, match="Expected hidden c_0 size"):
        module(x, (right, wrong))
    with pytest.raises(ShapeError, match=r"expected the initial state as \(h_0, c_0\), got a single tensor"):
        module(x, right)
    with pytest.raises(ShapeError, match=r"c_0 is torch\.float64"):
        module(x, (right, right.double()))


def test_a_weight_replaced_by_another_shape_is_refused():
    module = gatewise.nn.LSTM(3, 5)
    module.weight_hh_l0 = torch.nn.Parameter(torch.zeros(20, 1))
    with pytest.raises(ShapeError, match=r"weight_hh_l0 has shape \(20, 1\), expected \(20, 5\)"):
        module(torch.zeros(2, 4, 3))


@pytest.mark.parametrize(
    "options",
    [{"hidden_size": 0}, {"num_layers": 0}, {"dropout": 1.5}, {"dropout": True}, {"input_size": -1}],
    ids=str,
)
def test_wrong_arguments_are_refused(options):
    with pytest.raises(InputError):
        gatewise.nn.LSTM(**{"input_size": 3, "hidden_size": 5} | options)


def test_its_text_shows_what_differs_from_the_defaults():
    assert str(gatewise.nn.GRU(3, 5, num_layers=2, batch_first=True)) == "GRU(3, 5, num_layers=2, batch_first=True)"


@every_cell
def test_one_step_is_the_first_step_of_the_layer(cell):
    """Transformed cells too: their noise is drawn, their gains start at one."""
    step, layer = RecurrentCell(cell, 3, 5).eval(), Recurrent(cell, 3, 5).eval()
    for name, start in cell.starts.items():
        assert torch.equal(getattr(step, name), torch.full((1 if name in cell.scalars else 5,), start))
    layer.load_state_dict({f"{name}_l0": weight for name, weight in step.state_dict().items()})
    x = torch.randn(4, 3)
    for one, whole in zip(as_tuple(step(x)), as_tuple(layer(x.unsqueeze(0))[1]), strict=True):
        assert torch.equal(one, whole[0])
    assert step.train()(x) is not None
