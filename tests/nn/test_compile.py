"""Modules inside torch.compile: one graph, forward and backward, for all numbers of steps and sequences."""

from __future__ import annotations

import pytest
import torch

from gatewise.nn import LSTM, LSTMCell, Recurrent

from ..matrix import FAMILY as CELLS
from ..matrix import values

# No size is equal to another: the compiler takes equal ones for the same.
SIZES = [(5, 6), (7, 2), (9, 8)]


def compiled(function, **options):
    """With a backend that counts the graphs that it is given."""
    from torch._dynamo.testing import CompileCounterWithBackend  # which takes seconds

    torch._dynamo.reset()
    graphs = CompileCounterWithBackend("aot_eager")
    return torch.compile(function, fullgraph=True, backend=graphs, **options), graphs


def gradients(y, module):
    return torch.autograd.grad(y.square().sum(), list(module.parameters()), materialize_grads=True, allow_unused=True)


def assert_the_same(ours, module, *arguments):
    found, expected = ours(*arguments), module(*arguments)
    assert torch.equal(found[0], expected[0])
    for one, other in zip(gradients(found[0], module), gradients(expected[0], module), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("cell", values(CELLS, quick=["lstm"]))
def test_one_graph_for_all_sizes(cell):
    module = Recurrent(cell, 3, 4, num_layers=2)
    ours, graphs = compiled(module, dynamic=True)
    counts = []
    for steps, batch in SIZES:
        assert_the_same(ours, module, torch.randn(steps, batch, 3))
        counts.append(graphs.frame_count)
    assert len(set(counts)) == 1, "nothing is compiled again"


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"bidirectional": True, "batch_first": True, "proj_size": 2},
        {"layer_norm": "output", "residual": True, "pre_norm": True, "num_layers": 2, "learned_state": True},
        {"heads": 2, "clip_memory": 1.0, "bias": False},
    ],
    ids=lambda options: "-".join(options),
)
def test_options_too(options):
    module = LSTM(4, 4, **options)
    ours, _ = compiled(module, dynamic=True)
    for steps, batch in SIZES:
        assert_the_same(ours, module, torch.randn(steps, batch, 4))


@pytest.mark.slow
def test_ragged_batches_of_any_lengths_are_one_graph():
    module = LSTM(3, 4, bidirectional=True)
    ours, graphs = compiled(lambda x, lengths: module(x, lengths=lengths), dynamic=True)
    counts = []
    for steps, batch in SIZES:
        lengths = torch.randint(0, steps + 1, (batch,))
        x = torch.randn(steps, batch, 3)
        found, expected = ours(x, lengths), module(x, lengths=lengths)
        assert torch.equal(found[0], expected[0])
        for one, other in zip(gradients(found[0], module), gradients(expected[0], module), strict=True):
            assert torch.equal(one, other)
        counts.append(graphs.frame_count)
    assert len(set(counts)) == 1, "nothing is compiled again"


@pytest.mark.slow
def test_noise_is_drawn_inside_the_graph():
    module = LSTM(3, 8, zoneout={"h": 0.3, "c": 0.3}, recurrent_dropout=0.3, weight_drop=0.3)
    ours, _ = compiled(module)
    x = torch.randn(5, 2, 3)
    assert not torch.equal(ours(x)[0], ours(x)[0])
    module.eval()
    assert torch.equal(ours(x)[0], module(x)[0])


def test_single_steps_and_states_of_all_steps():
    cell, module = LSTMCell(3, 4), LSTM(3, 4)
    ours, _ = compiled(lambda x: (cell(x[0])[1], *module(x, return_states=True)[2]))
    x = torch.randn(5, 2, 3)
    for found, expected in zip(ours(x), (cell(x[0])[1], *module(x, return_states=True)[2]), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
def test_inductor():
    module, x = LSTM(3, 4), torch.randn(5, 2, 3)
    torch._dynamo.reset()
    y = torch.compile(module, fullgraph=True)(x)[0]
    torch.testing.assert_close(y, module(x)[0])
    gradients(y, module)
