from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatewise.kernels import reference
from gatewise.kernels.cpu import sweeps
from gatewise.kernels.dispatch import sequence
from gatewise.kernels.layer import Layer
from gatewise.kernels.registry import register

from ..matrix import ALL_CELLS, every_cell, every_dtype, random_layer, relative_error
from ..tolerance import GRADCHECK, GRADGRADCHECK, PARITY

# Steps, rows, inputs, units: single ones, ragged ends of registers, several blocks of units and of rows.
SHAPES = [(1, 1, 1, 1), (5, 3, 4, 7), (4, 17, 9, 33), (3, 8, 16, 64), (2, 70, 3, 20), (3, 2, 0, 5)]


@contextmanager
def threads(count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def outputs_and_gradients(cell, run, layer):
    """y, last states and all gradients for fixed, uneven weights on the outputs."""
    leaves = [tensor.clone().requires_grad_() for tensor in layer[:-1]]
    y, last = run(Layer(*leaves, layer.reverse))
    generator = torch.Generator().manual_seed(1)
    seeds = [torch.randn(tensor.shape, dtype=tensor.dtype, generator=generator) for tensor in (y, last)]
    gradients = torch.autograd.grad((y, last), leaves, seeds, allow_unused=True, materialize_grads=True)
    return [y.detach(), last.detach(), *gradients]


@every_dtype
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@every_cell
def test_fused_kernels_match_the_eager_loop(cell, shape, reverse, dtype):
    layer = random_layer(cell, *shape, dtype=dtype, reverse=reverse)
    key = register(cell)
    found = outputs_and_gradients(cell, lambda layer: sequence(key, layer), layer)
    expected = outputs_and_gradients(cell, lambda layer: reference.forward(cell, layer), layer)
    tolerance = PARITY[str(dtype).removeprefix("torch.")]
    for name, ours, theirs in zip(("y", "last", *Layer._fields), found, expected, strict=False):
        assert relative_error(ours, theirs) <= tolerance, name


@every_cell
def test_gradcheck(cell):
    layer = random_layer(cell, 3, 2, 2, 3)
    leaves = [tensor.requires_grad_() for tensor in layer[:-1]]
    key = register(cell)

    def run(*tensors):
        return sequence(key, Layer(*tensors, False))

    assert torch.autograd.gradcheck(run, leaves, **GRADCHECK)
    assert torch.autograd.gradgradcheck(run, leaves, **GRADGRADCHECK)


@every_dtype
@every_cell
def test_a_row_is_the_same_bits_however_it_is_computed(cell, dtype):
    """Alone or in a batch, on one thread or two, keeping what backward needs or not, in chunks of time or whole."""
    layer = random_layer(cell, 60, 37, 25, 35, dtype=dtype)
    whole = sweeps.forward(cell, layer, keep=False)
    assert torch.equal(whole.y, sweeps.forward(cell, layer, keep=True).y)

    with threads(3):
        assert torch.equal(whole.y, sweeps.forward(cell, layer, keep=False).y)

    for rows in (slice(0, 1), slice(3, 12), slice(36, 37)):
        part = layer._replace(x=layer.x[:, rows], states=layer.states[:, rows]).contiguous()
        assert torch.equal(whole.y[:, rows], sweeps.forward(cell, part, keep=False).y)

    first = sweeps.forward(cell, layer._replace(x=layer.x[:2].contiguous()), keep=False)
    rest = sweeps.forward(cell, layer._replace(x=layer.x[2:].contiguous(), states=first.last), keep=False)
    assert torch.equal(whole.y, torch.cat((first.y, rest.y)))
    assert torch.equal(whole.last, rest.last)


@every_cell
def test_gradients_are_the_same_bits_on_every_run(cell):
    layer = random_layer(cell, 5, 19, 4, 21, dtype=torch.float32)
    kept = sweeps.forward(cell, layer, keep=True)
    runs = [sweeps.backward(cell, layer, kept, kept.y, kept.last) for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


@every_cell
def test_every_number_that_comes_back_was_written(cell, monkeypatch):
    """With new memory full of NaN, nothing that was left unwritten can pass for a zero."""
    layer = random_layer(cell, 4, 9, 3, 18)
    expected = sweeps.forward(cell, layer, keep=True)
    gradients = sweeps.backward(cell, layer, expected, expected.y, expected.last)
    monkeypatch.setattr(torch, "empty_like", lambda like, **options: torch.full_like(like, torch.nan, **options))
    kept = sweeps.forward(cell, layer, keep=True)
    assert all(torch.equal(a, b) for a, b in zip(kept, expected, strict=True))
    again = sweeps.backward(cell, layer, kept, kept.y, kept.last)
    assert all(torch.equal(a, b) for a, b in zip(again, gradients, strict=True))


@given(
    cell=st.sampled_from(list(ALL_CELLS.values())),
    sizes=st.tuples(*(st.integers(1, most) for most in (4, 20, 9, 40))),
    reverse=st.booleans(),
)
def test_any_sizes(cell, sizes, reverse):
    layer = random_layer(cell, *sizes, reverse=reverse)
    y, last = reference.forward(cell, layer)
    kept = sweeps.forward(cell, layer, keep=False)
    assert relative_error(kept.y, y) <= PARITY["float64"]
    assert relative_error(kept.last, last) <= PARITY["float64"]


def test_a_user_cell_with_a_built_ins_equations_is_the_same_code():
    from torch import sigmoid, tanh

    from gatewise import cell
    from gatewise.cells import CELLS

    @cell(gates="input forget candidate output", state="h c")
    def lstm(i, f, g, o, c):
        i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * tanh(c)
        return h, c

    assert register(lstm) == register(CELLS["lstm"])


@every_cell
def test_several_python_threads_at_once(cell):
    layer = random_layer(cell, 50, 64, 16, 32, dtype=torch.float32)
    expected = sweeps.forward(cell, layer, keep=False).y
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(5):
            if not torch.equal(sweeps.forward(cell, layer, keep=False).y, expected):
                wrong.append(number)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    with threads(2):
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_computes_too():
    cell = next(iter(ALL_CELLS.values()))
    layer = random_layer(cell, 50, 64, 16, 64, dtype=torch.float32)
    key, leaves = register(cell), [tensor.requires_grad_() for tensor in layer[:-1]]

    seed = torch.ones(50, 64, 64)  # made before the fork: torch's own parallel operations hang after it

    def gradients():
        y, _ = sequence(key, Layer(*leaves, False))
        return [g.numpy() for g in torch.autograd.grad(y, leaves, seed, materialize_grads=True)]

    with threads(2):
        expected = gradients()
        child = os.fork()
    if child == 0:
        torch.set_num_threads(2)
        signal.alarm(20)  # a hang ends the child, and the test
        os._exit(0 if all(np.allclose(*pair, rtol=1e-4) for pair in zip(gradients(), expected, strict=True)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
