"""Half precision on the CPU beside torch.nn's, whose every operation rounds, against the same layer in float64."""

from __future__ import annotations

import copy
from contextlib import nullcontext

import pytest
import torch

import gatewise.nn
from gatewise.kernels.cpu import threads
from gatewise.kernels.cpu.blocking import portable_pairs

from ..matrix import every_cell, relative_error
from ..tolerance import HALF_BESIDE_TORCH
from .test_recurrent import TWINS, as_tuple

T, B, I, H = 40, 5, 20, 24


def run(module, x, seed):
    """Outputs, and the gradients of the input and of every weight."""
    x = x.detach().to(next(module.parameters()).dtype).requires_grad_()
    y, _ = module(x)
    return [y.detach(), *torch.autograd.grad(y, [x, *module.parameters()], seed.to(y.dtype))]


WAYS = {
    "bfloat16": (torch.bfloat16, nullcontext),
    "float16": (torch.float16, nullcontext),
    "products of bfloat16": (torch.bfloat16, portable_pairs),
}


@pytest.mark.parametrize(("dtype", "way"), WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", TWINS)
def test_no_result_is_further_from_float64_than_torchs(name, dtype, way):
    torch.manual_seed(0)
    ours, theirs = (getattr(where, name)(I, H, dtype=dtype) for where in (gatewise.nn, torch.nn))
    theirs.load_state_dict(ours.state_dict())
    x, seed = torch.randn(T, B, I).to(dtype), (torch.randn(T, B, H) / T).to(dtype)
    exact = run(copy.deepcopy(theirs).double(), x, seed)
    with way():
        found = run(ours, x, seed)
    for mine, other, truth in zip(found, run(theirs, x, seed), exact, strict=True):
        assert relative_error(mine.double(), truth) <= HALF_BESIDE_TORCH * relative_error(other.double(), truth)


@pytest.mark.parametrize("rows", [2, 5])
def test_tensors_may_begin_in_the_middle_of_a_word(rows):
    """As views of flat parameters do: pairs of bfloat16 are read as words of 32 bits, from any even address."""
    torch.manual_seed(0)
    with portable_pairs():
        module, x = gatewise.nn.LSTM(6, 16, dtype=torch.bfloat16), torch.randn(4, rows, 6).bfloat16()
        expected = results_of(module, x)
        flat = torch.cat([torch.zeros(1), *(weight.detach().flatten() for weight in module.parameters())]).bfloat16()
        start = 1
        for weight in module.parameters():
            weight.data = flat[start : start + weight.numel()].view(weight.shape)
            assert weight.data_ptr() % 4
            start += weight.numel()
        shifted = torch.cat((x.new_zeros(1), x.flatten()))[1:].view(x.shape)
        assert shifted.data_ptr() % 4
        assert all(map(torch.equal, results_of(module, shifted), expected))
        with torch.no_grad():
            assert torch.equal(module(shifted)[0], expected[0])


def results_of(module, x):
    """Outputs, last states, and the gradients of the input and of all weights."""
    x = x.detach().requires_grad_()
    y, last = module(x)
    results = [y, *as_tuple(last)]
    seeds = [torch.linspace(-1, 1, result.numel()).view(result.shape).to(result.dtype) for result in results]
    return [*results, *torch.autograd.grad(results, [x, *module.parameters()], seeds, materialize_grads=True)]


@pytest.mark.parametrize("sizes", [(6, 8), (5, 8), (6, 7)], ids="{0[0]} inputs, {0[1]} units".format)
@pytest.mark.parametrize("shape", [(1, 2), (5, 2), (5, 6)], ids="{0[0]} steps of {0[1]}".format)
@every_cell
def test_small_calls_have_the_bits_of_general_ones(cell, shape, sizes, monkeypatch):
    torch.manual_seed(0)
    if shape[0] > 1:  # shared, however little there is to do
        monkeypatch.setattr(threads, "_WORTH_SHARING", 1)
        monkeypatch.setattr(threads, "_WORTH_WAITING", 1)
    inputs, units = (sizes[1], sizes[1]) if cell.reads_x else sizes
    inputs += len(cell.row_inputs)
    with portable_pairs():
        module = gatewise.nn.Recurrent(cell, inputs, units, num_layers=1 + (not cell.inputs), dtype=torch.bfloat16)
        module.eval()
        x = torch.randn(*shape, inputs).bfloat16()
        with torch.no_grad():
            small = module(x)
        small_results = results_of(module, x)
        if module._small is not None:
            calls = [sum(map(len, layer._calls.values())) for layer in module._small._layers]
            plays, learns = not (cell.noise or cell.inputs), units % 2 == 0
            assert calls == [plays * (1 + learns)] * len(calls)
        module._small = None
        general = results_of(module, x)
    for ours, theirs in zip((small[0], *as_tuple(small[1])), general, strict=False):
        assert torch.equal(ours, theirs)
    for ours, theirs in zip(small_results, general, strict=True):
        assert torch.equal(ours, theirs)
