from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import gatewise
from gatewise.errors import InputError, ModelFileError, ShapeError
from gatewise.nn import GRU, LSTM, RNN, Chain, Recurrent, Standardize, Unstandardize
from gatewise.nn.parts import KINDS

from ..matrix import ALL_CELLS, DTYPES, every_pair

STACKS = {
    "two layers": {"num_layers": 2},
    "zoneout": {"zoneout": {"h": 0.1, "c": 0.5}, "recurrent_dropout": 0.3},
    "layer norm": {"layer_norm": "output", "learned_state": True},
    "no bias": {"bias": False},
    "float64": {"dtype": torch.float64},
    "projection": {"num_layers": 2, "proj_size": 5},
    "projection from a learned state": {"num_layers": 2, "proj_size": 5, "learned_state": True},
    "projection of what is kept whole": {"proj_size": 5, "zoneout": {"h": 0.1}},
    "heads": {"num_layers": 2, "hidden_size": 24, "heads": 3},
    "heads with layer norm": {"hidden_size": 24, "heads": 2, "layer_norm": "memory"},
    "residual": {"num_layers": 3, "input_size": 17, "residual": True},
    "norm before": {"num_layers": 2, "pre_norm": True},
    "norm before and residual": {"num_layers": 2, "pre_norm": True, "residual": True, "bias": False},
    "layers of different sizes": {"num_layers": 3, "hidden_size": [4, 19, 7]},
    "everything": {"num_layers": 3, "pre_norm": True, "residual": True, "proj_size": 9, "learned_state": True},
}


def same(states, others):
    """Whether two states, each a tensor or any nest of them, are the same bits."""
    if isinstance(states, torch.Tensor):
        return torch.equal(states, others)
    return len(states) == len(others) and all(map(same, states, others))


def outputs(module, x):
    module.eval()
    with torch.no_grad():
        return module(x)


@every_pair(cell=ALL_CELLS, batch=[1, 3, 7])
def test_steps_are_the_bits_of_the_whole_sequence(cell, batch):
    layers = 1 if cell.row_inputs else 2  # what a step reads itself comes with the input, to the first layer
    module, x = Recurrent(cell, 3, 20, layers), torch.randn(6, batch, 3)
    expected, last = outputs(module, x)
    stream = gatewise.stream(module, batch)
    assert torch.equal(torch.stack([stream.step(row) for row in x]), expected)
    assert same(stream.state, last)


@every_pair(options=STACKS, batch=[1, 2, 5])
def test_options(options, batch):
    module = LSTM(**{"input_size": 2, "hidden_size": 17} | options)
    redrawn(module)
    x = torch.randn(5, batch, module.input_size, dtype=options.get("dtype", torch.float32))
    expected, last = outputs(module, x)
    stream = gatewise.stream(module, batch)
    assert torch.equal(torch.stack([stream.step(row) for row in x]), expected)
    assert same(stream.state, last)


@pytest.mark.parametrize("options", STACKS.values(), ids=STACKS)
def test_going_on_from_a_state_is_going_on_with_the_module(options):
    module = LSTM(**{"input_size": 2, "hidden_size": 17} | options)
    redrawn(module)
    x = torch.randn(7, 2, module.input_size, dtype=options.get("dtype", torch.float32))
    _, state = outputs(module, x[:4])
    with torch.no_grad():
        expected, last = module(x[4:], state)
    stream = gatewise.stream(module, 2)
    stream.step(x[0])
    stream.state = state
    assert same(stream.state, state)
    assert torch.equal(torch.stack([stream.step(row) for row in x[4:]]), expected)
    assert same(stream.state, last)


@pytest.mark.parametrize("options", STACKS.values(), ids=STACKS)
def test_a_saved_stream_goes_on_with_every_bit(options, tmp_path):
    module = LSTM(**{"input_size": 2, "hidden_size": 17} | options)
    redrawn(module)
    x = torch.randn(6, 2, module.input_size, dtype=options.get("dtype", torch.float32))
    expected, _ = outputs(module, x)
    first, second = gatewise.stream(module, 2), gatewise.stream(module, 2)
    for at, row in enumerate(x):
        first.save(tmp_path / "state")
        second.load(tmp_path / "state")
        assert torch.equal(second.step(row), expected[at])
        second.step(row)
        assert torch.equal(first.step(row), expected[at])


def redrawn(module):
    """Norms and learned states start from numbers that hide mistakes."""
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.2 * torch.randn_like(weight))


def chains():
    torch.manual_seed(0)
    scaled = Standardize(torch.randn(3), torch.rand(3) + 0.5)
    back = Unstandardize(torch.randn(2), torch.rand(2) + 0.5)
    sized = (Recurrent, nn.Linear, nn.LayerNorm, Standardize, Unstandardize)
    maps = [kind() for kind in KINDS if kind not in sized]
    return {
        "head": Chain(LSTM(3, 16), nn.Linear(16, 1)),
        "forecaster": Chain(scaled, LSTM(3, 16, 2), nn.Linear(16, 2), back),
        "two kinds": Chain(nn.Linear(3, 8), nn.ReLU(), GRU(8, 9, proj_size=4), nn.LayerNorm(4), LSTM(4, 20, heads=2)),
        "torch's": Chain(nn.LSTM(3, 8, 2), nn.Linear(8, 2, bias=False), nn.Sigmoid()),
        "every map": Chain(scaled, nn.LayerNorm(3, elementwise_affine=False), *maps),
        "maps after": Chain(RNN(3, 33), *maps, nn.LayerNorm(33, bias=False)),
    }


@every_pair(chain=chains(), dtype=DTYPES, batch=[1, 3, 7])
def test_chains_are_the_bits_of_the_whole_sequence(chain, batch, dtype, tmp_path):
    chain = copy.deepcopy(chain).to(dtype)
    x = torch.randn(9, batch, 3, dtype=dtype)
    expected, last = outputs(chain, x)
    stream = gatewise.stream(chain, batch)
    assert torch.equal(torch.stack([stream.step(row) for row in x]), expected)
    assert same(stream.state, last)
    stream.reset()
    assert torch.equal(torch.stack([stream.step(row) for row in x]), expected)
    with torch.no_grad():
        again, _ = chain(x, last)
    stream.state = last
    assert torch.equal(torch.stack([stream.step(row) for row in x]), again)


def test_torchs_own_module_streams():
    module, x = nn.GRU(3, 8, 2), torch.randn(5, 1, 3)
    stream = gatewise.stream(module)
    expected, last = outputs(gatewise.from_torch(module), x)
    assert torch.equal(torch.stack([stream.step(row) for row in x]), expected)
    assert same(stream.state, last)


@pytest.mark.parametrize("other", [LSTM(3, 5), LSTM(3, 4, 2), LSTM(3, 4, dtype=torch.float64), GRU(3, 4)])
def test_a_state_of_another_model_is_refused(other, tmp_path):
    gatewise.stream(other).save(tmp_path / "state")
    stream = gatewise.stream(LSTM(3, 4))
    stream.step(torch.ones(1, 3))
    before = stream.state
    with pytest.raises(ModelFileError, match="not those of this model"):
        stream.load(tmp_path / "state")
    assert same(stream.state, before)


def test_a_damaged_state_is_refused(tmp_path):
    stream, path = gatewise.stream(LSTM(3, 4)), tmp_path / "state"
    stream.save(path)
    data = path.read_bytes()
    for spoilt in (data[:-1], data[:40], b"", data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]):
        path.write_bytes(spoilt)
        with pytest.raises(ModelFileError):
            stream.load(path)


@pytest.mark.parametrize("batch", [0, -1, 1.0, True])
def test_wrong_batch_size(batch):
    with pytest.raises(InputError, match="batch_size"):
        gatewise.stream(LSTM(3, 4), batch)


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
        (torch.empty(3, 4), r"expected \(B, O\) = \(1, 4\)"),
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
        LSTM(3, 4, dtype=torch.bfloat16),
        LSTM(3, 4, device="meta"),
        torch.nn.LSTM(3, 4, bidirectional=True),
        torch.nn.Conv1d(3, 4, 1),
        Chain(Standardize(torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)), LSTM(3, 4)),
        Chain(torch.nn.Linear(4, 6), torch.nn.LayerNorm((2, 6))),
        torch.nn.Tanh(),
        [],
    ],
)
def test_modules_that_do_not_stream(module):
    with pytest.raises(InputError):
        gatewise.stream(module)


def test_wrong_state():
    stream = gatewise.stream(LSTM(3, 4))
    before = stream.state
    with pytest.raises(ShapeError):
        stream.state = (torch.zeros(1, 1, 4),)
    with pytest.raises(ShapeError):
        stream.state = (torch.zeros(1, 1, 4), torch.zeros(1, 2, 4))
    assert all(torch.equal(a, b) for a, b in zip(stream.state, before, strict=True))
