from __future__ import annotations

import pytest
import torch

import gatewise
from gatewise.errors import InputError, ShapeError
from gatewise.nn import LSTM, Recurrent

from ..matrix import every_cell

STACKS = {
    "two layers": {"num_layers": 2},
    "zoneout": {"zoneout": {"h": 0.1, "c": 0.5}, "recurrent_dropout": 0.3},
    "layer norm": {"layer_norm": "output", "learned_state": True},
    "no bias": {"bias": False},
    "float64": {"dtype": torch.float64},
}


def outputs(module, x):
    module.eval()
    with torch.no_grad():
        return module(x)


@every_cell
@pytest.mark.parametrize("batch", [1, 3, 7])
def test_steps_are_the_bits_of_the_whole_sequence(cell, batch):
    module, x = Recurrent(cell, 3, 20, 2), torch.randn(6, batch, 3)
    expected, last = outputs(module, x)
    stream = gatewise.stream(module, batch)
    assert torch.equal(torch.stack([stream.step(row) for row in x]), expected)
    last = last if isinstance(last, tuple) else (last,)
    assert all(torch.equal(a, b) for a, b in zip(stream.state, last, strict=True))


@pytest.mark.parametrize("options", STACKS.values(), ids=STACKS)
def test_options(options):
    module = LSTM(2, 17, **options)
    x = torch.randn(5, 2, 2, dtype=options.get("dtype", torch.float32))
    expected, _ = outputs(module, x)
    stream = gatewise.stream(module, 2)
    assert torch.equal(torch.stack([stream.step(row) for row in x]), expected)


def test_state_is_taken_and_given_and_reset():
    module, x = LSTM(3, 8, 2), torch.randn(6, 1, 3)
    stream = gatewise.stream(module)
    first = [stream.step(row) for row in x[:3]]
    middle = stream.state
    rest = [stream.step(row) for row in x[3:]]
    stream.state = middle
    assert all(torch.equal(stream.step(row), y) for row, y in zip(x[3:], rest, strict=True))
    stream.reset()
    assert all(torch.equal(stream.step(row), y) for row, y in zip(x[:3], first, strict=True))
    with torch.no_grad():
        _, last = module(x[:3])
    assert all(torch.equal(a, b) for a, b in zip(middle, last, strict=True))


def test_what_was_given_out_stays_as_it_was():
    stream = gatewise.stream(LSTM(1, 4))
    y, state = stream.step(torch.ones(1, 1)), stream.state
    kept = [tensor.clone() for tensor in (y, *state)]
    y_before = y.clone()
    stream.step(torch.ones(1, 1))
    assert all(torch.equal(a, b) for a, b in zip((y, *state), kept, strict=True))
    y.zero_()
    stream.state = state
    stream.reset()
    assert torch.equal(stream.step(torch.ones(1, 1)), y_before)


def test_the_output_is_written_where_it_is_wanted():
    module, x = LSTM(3, 8, 2), torch.randn(4, 2, 3)
    expected, _ = outputs(module, x)
    stream, out = gatewise.stream(module, 2), torch.empty(2, 8)
    for row, y in zip(x, expected, strict=True):
        assert stream.step(row, out) is out
        assert torch.equal(out, y)
    strided = torch.empty(8, 2).t()
    stream.reset()
    assert torch.equal(stream.step(x[0], strided), expected[0])


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (torch.empty(3, 4), r"expected \(B, H\) = \(1, 4\)"),
        (torch.empty(1, 4, dtype=torch.float64), "float64"),
        (torch.empty(1, 4, requires_grad=True), "requires gradients"),
        ([0.0] * 4, "list, not a tensor"),
    ],
)
def test_wrong_out_leaves_the_state(out, message):
    stream = gatewise.stream(LSTM(3, 4))
    before = stream.state
    with pytest.raises((InputError, ShapeError), match=message):
        stream.step(torch.ones(1, 3), out)
    assert all(torch.equal(a, b) for a, b in zip(stream.state, before, strict=True))


def test_weights_are_those_of_when_it_was_made():
    module = LSTM(1, 4)
    stream, x = gatewise.stream(module), torch.ones(1, 1)
    before = stream.step(x)
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
    stream.reset()
    assert torch.equal(stream.step(x), before)
    assert not gatewise.stream(module).step(x).any()


def test_inputs_of_any_layout_that_fit():
    stream, x = gatewise.stream(LSTM(3, 4), 2), torch.randn(2, 3)
    expected = stream.step(x)
    stream.reset()
    assert torch.equal(stream.step(x.t().contiguous().t()), expected)
    stream.reset()
    assert torch.equal(stream.step(x.clone().requires_grad_()), expected)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.ones(3), r"expected \(B, I\) = \(1, 3\)"),
        (torch.ones(1, 4), r"shape \(1, 4\)"),
        (torch.ones(1, 3, dtype=torch.float64), "float64"),
        (torch.ones(1, 3, device="meta"), "meta"),
        ([1.0, 2.0, 3.0], "list, not a tensor"),
    ],
)
def test_wrong_input(x, message):
    stream = gatewise.stream(LSTM(3, 4))
    with pytest.raises((InputError, ShapeError), match=message):
        stream.step(x)


@pytest.mark.parametrize(
    "module",
    [
        LSTM(3, 4, bidirectional=True),
        LSTM(3, 4, proj_size=2),
        LSTM(3, 4, heads=2),
        LSTM(3, [4, 5], 2),
        LSTM(3, 3, residual=True),
        LSTM(3, 4, pre_norm=True),
        LSTM(3, 4, dtype=torch.bfloat16),
        torch.nn.LSTM(3, 4),
    ],
)
def test_modules_that_do_not_stream(module):
    with pytest.raises(InputError):
        gatewise.stream(module)


def test_wrong_state():
    stream = gatewise.stream(LSTM(3, 4))
    before = stream.state
    with pytest.raises(ShapeError, match="for each of h, c"):
        stream.state = (torch.zeros(1, 1, 4),)
    with pytest.raises(ShapeError):
        stream.state = (torch.zeros(1, 1, 4), torch.zeros(1, 2, 4))
    assert all(torch.equal(a, b) for a, b in zip(stream.state, before, strict=True))
