"""Passes of small layers, as scripts, are the passes of any layer: the same bits, and memory of their own."""

from __future__ import annotations

import math

import pytest
import torch

from gatewise.kernels.cpu import passes, small, threads
from gatewise.kernels.cpu.script import ScriptWriter
from gatewise.kernels.cpu.small import ScriptedPasses
from gatewise.kernels.layer import Gradients, Saved, Seeds
from gatewise.kernels.small import LayerSize, is_bare

from ..matrix import ALL_CELLS, DTYPES, every_pair, random_layer, values

LIMIT = 1e6
SIZES = {"a row": (1, 1, 3, 4), "a step": (1, 5, 3, 7), "few rows": (4, 2, 5, 16), "rows": (6, 9, 8, 33)}
CALM = {name: cell for name, cell in ALL_CELLS.items() if not cell.inputs}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def spoilt(like):
    return torch.full_like(like, math.nan)


def pointers(*tensors):
    return [tensor.data_ptr() for tensor in tensors]


@every_pair(
    cell=CALM,
    dtype=DTYPES,
    sizes=SIZES,
    separate=[False, True],
    training=[False, True],
    count={"alone": 1, "shared": 3},
)
def test_a_script_gives_the_bits_of_the_passes(cell, dtype, sizes, separate, training, count, monkeypatch):
    monkeypatch.setattr(threads, "_WORTH_SHARING", 1)
    monkeypatch.setattr(threads, "_WORTH_WAITING", 1)
    torch.set_num_threads(count)
    size, kind = LayerSize(*sizes), {"separate": separate, "training": training}
    layer = random_layer(cell, *sizes, dtype=dtype)
    if not training:  # all rows share what stands for the random numbers
        means = {name: getattr(layer, name)[:, :1].contiguous() for name in ("step_noise", "sequence_noise")}
        layer = layer._replace(**means)
    biased = sum(gate.has_bias for gate in cell.gates)
    biases = tuple(((0, index * size.units),) for index in range(biased))
    scripts, states = ScriptedPasses(cell, dtype), [state.contiguous() for state in layer.states]
    begin = pointers(layer.x, layer.W, layer.U, layer.b, layer.b, *layer.per_unit, *states)
    begin += pointers(layer.step_noise, layer.sequence_noise) if cell.noise else []
    found = passes.forward(cell, layer, keep=True)
    expected = [found.y, *found.last[0 if separate else 1 :]]
    for keep in (False, True):
        script = scripts.forward(size, biases, keep=keep, limit=LIMIT, **kind)
        results, kept = [spoilt(result) for result in expected], scripts.memory(size, layer.x)
        assert not script.play(begin + pointers(*results, *([kept] if keep else [])))
        assert all(map(torch.equal, results, expected))
    d_y, d_last = torch.randn_like(found.y), torch.randn_like(found.last)
    if not separate:
        d_last[0] = 0
    saved, seeds = Saved(found.y, found.gates, found.histories), Seeds(d_y, d_last, None)
    gradients = passes.backward(cell, layer, saved, seeds, input_gradient=True)
    script = scripts.backward(size, biases, input_gradient=True, **kind)
    written = Gradients(*map(spoilt, gradients))
    ended = d_last[0 if separate else 1 :]
    matrices = pointers(written.x, written.W, written.U, written.b, written.b)
    script.play(begin + pointers(found.y, kept, d_y, *ended) + matrices + pointers(*written.per_unit, *written.states))
    for name in Gradients._fields:
        assert torch.equal(getattr(written, name), getattr(gradients, name)), name


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2 * LIMIT, -2 * LIMIT])
@pytest.mark.parametrize("dtype", values(DTYPES | {"bfloat16": torch.bfloat16}))
def test_a_script_says_where_the_input_is_not_finite_or_huge(value, dtype):
    for place in (0, 17, 36):
        script = ScriptWriter(torch.float32)
        script.measure(script.argument(37, dtype=dtype), LIMIT, dtype)
        x = torch.linspace(-LIMIT, LIMIT, 37, dtype=dtype)
        assert not script.written().play(pointers(x))
        x[place] = value
        assert script.written().play(pointers(x))


def test_what_comes_in_chunks_or_nothing_can_share_is_left_to_the_general_path(monkeypatch):
    scripts = ScriptedPasses(CALM["lstm"], torch.float32)
    large, long = LayerSize(10, 64, 512, 512), LayerSize(1000, 64, 4, 128)
    arguments = {"keep": False, "separate": True, "training": False, "limit": LIMIT}
    biases = ((),) * 4
    for count in (1, 2):
        torch.set_num_threads(count)
        assert scripts.forward(large, biases, **arguments) is not None
        assert scripts.forward(long, biases, **arguments) is None
    monkeypatch.setattr(small, "can_share", lambda: False)
    assert scripts.forward(large, biases, **arguments) is None
    torch.set_num_threads(1)
    assert scripts.forward(large, biases, **arguments) is not None


class Shown(torch.Tensor):
    pass


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(3, dtype=torch.float64),
        torch.zeros(3, 2).T,
        torch.zeros(3, device="meta"),
        torch.zeros(3).as_subclass(Shown),
        torch.zeros(0),
        torch.zeros(3).to_sparse(),
        torch._efficientzerotensor(3),
        torch._efficientzerotensor(4)[1:],
        torch._neg_view(torch.zeros(3)),
    ],
    ids=["dtype", "strides", "device", "subclass", "empty", "sparse", "zero tensor", "part of zeros", "negative"],
)
def test_tensors_that_are_more_than_numbers_are_none_of_its_business(tensor):
    assert is_bare(torch.zeros(3), torch.float32)
    assert not is_bare(tensor, torch.float32)
