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
from torch import sigmoid, tanh

from gatewise import cell
from gatewise.kernels import reference
from gatewise.kernels.cpu import passes
from gatewise.kernels.dispatch import sequence
from gatewise.kernels.layer import Layer, Saved, Seeds
from gatewise.kernels.reference import TRAINED
from gatewise.kernels.registry import register

from ..matrix import ALL_CELLS, DTYPES, every_cell, every_cell_slowly, every_pair, random_layer, relative_error
from ..tolerance import GRADCHECK, GRADGRADCHECK, PARITY

RAGGED = [(19, 19, 7, 7, 2), (8, 1, 1), (13,), (3, 0), (0, 0, 0)]  # sequences that still run at each step
# Steps, rows, inputs, units: single ones, ragged ends of registers, several blocks of units and of rows.
SHAPES = [(1, 1, 1, 2), (5, 3, 4, 7), (4, 17, 9, 33), (3, 8, 16, 64), (2, 70, 3, 20), (3, 2, 0, 5)]


@contextmanager
def threads(count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def outputs_and_gradients(run, layer):
    """y, last states, histories and all gradients for fixed, uneven weights on the outputs."""
    leaves = [tensor.clone().requires_grad_() for tensor in layer[:TRAINED]]
    found = run(Layer(*leaves, *layer[TRAINED:]))
    generator = torch.Generator().manual_seed(1)
    outputs = [output for output in found if output.requires_grad and output.numel()]
    seeds = [torch.randn(output.shape, dtype=output.dtype, generator=generator) for output in outputs]
    gradients = torch.autograd.grad(outputs, leaves, seeds, allow_unused=True, materialize_grads=True)
    return [*(output.detach() for output in outputs), *gradients]


@every_pair(cell=ALL_CELLS, shape=SHAPES, dtype=DTYPES)
def test_fused_kernels_match_the_eager_loop(cell, shape, dtype):
    layer = random_layer(cell, *shape, dtype=dtype)
    assert_the_same(cell, layer)


@every_pair(cell=ALL_CELLS, sizes=RAGGED)
def test_ragged_batches_too(cell, sizes):
    assert_the_same(cell, random_layer(cell, len(sizes), 19, 3, 21, batch_sizes=torch.tensor(sizes)))


@cell(gates={"candidate": "W x + U h", "inner": "U(...)", "read": "U(...)"}, state="h s")
def reads_its_output(a, q, p, h, s):
    h = tanh(a + q(s * h)) + 0.5 * h
    s = sigmoid(p(h))
    return h, s


def test_a_step_may_multiply_what_it_returns_beside_what_it_returned():
    """Both are called h: the new one by the step, the old one by U h."""
    assert_the_same(reads_its_output, random_layer(reads_its_output, 4, 5, 3, 7))
    assert_the_same(reads_its_output, random_layer(reads_its_output, 4, 2, 3, 7))


@every_cell_slowly
def test_large_products_too(cell):
    """Sizes at which products over all rows go to another library."""
    assert_the_same(cell, random_layer(cell, 3, 600, 20, 24, dtype=torch.float32))


def assert_the_same(cell, layer):
    key = register(cell)
    found = outputs_and_gradients(lambda layer: sequence(key, layer, histories=True), layer)
    expected = outputs_and_gradients(lambda layer: reference.forward(cell, layer), layer)
    tolerance = PARITY[str(layer.x.dtype).removeprefix("torch.")]
    outputs = len(found) - TRAINED
    for ours, theirs in zip(found[:outputs], expected[:outputs], strict=True):
        assert relative_error(ours, theirs) <= tolerance
    # one gradient may be what is left when others cancel, so the largest of all is the measure
    ours, theirs = (torch.cat([gradient.flatten() for gradient in side[outputs:]]) for side in (found, expected))
    assert relative_error(ours, theirs) <= tolerance


@every_cell
def test_rows_of_padding_are_neither_read_nor_given_a_value(cell):
    sizes = torch.tensor([5, 3, 3, 0])
    layer = with_padding(random_layer(cell, 4, 6, 3, 7, batch_sizes=sizes), 4, torch.nan)
    leaves = [tensor.requires_grad_() for tensor in layer[:TRAINED]]
    y, last, *_ = sequence(register(cell), Layer(*leaves, *layer[TRAINED:]))
    assert torch.equal(y[11:], torch.zeros(4, 7, dtype=y.dtype))
    assert torch.equal(last[:, 5], layer.states[:, 5])
    gradients = torch.autograd.grad((y.sum() + last.sum()), leaves, allow_unused=True, materialize_grads=True)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert not gradients[0][11:].any()


def with_padding(layer, rows, value):
    """The layer with rows that belong to no sequence behind the others."""

    def extended(tensor):
        return torch.nn.functional.pad(tensor, (0, 0, 0, rows), value=value)

    return layer._replace(x=extended(layer.x), step_noise=extended(layer.step_noise))


@every_cell_slowly
def test_gradcheck(cell):
    layer = random_layer(cell, 3, 2, 2, 3)
    leaves = [tensor.requires_grad_() for tensor in layer[:TRAINED]]
    key = register(cell)

    def run(*tensors):
        y, last, _, histories = sequence(key, Layer(*tensors, *layer[TRAINED:]), histories=True)
        return (y, last, histories) if histories.numel() else (y, last)

    assert torch.autograd.gradcheck(run, leaves, **GRADCHECK)
    assert torch.autograd.gradgradcheck(run, leaves, **GRADGRADCHECK)


@every_pair(cell=ALL_CELLS, dtype=DTYPES)
def test_a_row_is_the_same_bits_however_it_is_computed(cell, dtype):
    """Alone or in a batch, on one thread or three, keeping what backward needs or not, in chunks of time or whole,
    in a batch of equal lengths or a ragged one."""
    steps, rows = 60, 37
    layer = random_layer(cell, steps, rows, 25, 35, dtype=dtype)
    whole = passes.forward(cell, layer, keep=False)
    y = whole.y.view(steps, rows, -1)
    assert torch.equal(whole.y, passes.forward(cell, layer, keep=True).y)

    with threads(3):
        assert torch.equal(whole.y, passes.forward(cell, layer, keep=False).y)

    for part in (slice(0, 1), slice(3, 12), slice(36, 37)):
        assert torch.equal(y[:, part].flatten(0, 1), passes.forward(cell, of_rows(layer, part), keep=False).y)

    first = passes.forward(cell, of_steps(layer, slice(0, 2)), keep=False)
    rest = passes.forward(cell, of_steps(layer, slice(2, None))._replace(states=first.last), keep=False)
    assert torch.equal(whole.y, torch.cat((first.y, rest.y)))
    assert torch.equal(whole.last, rest.last)

    sizes = torch.linspace(rows, 1, steps).long()
    valid = (torch.arange(rows) < sizes.unsqueeze(1)).flatten()
    ragged = layer._replace(x=layer.x[valid], step_noise=layer.step_noise[:, valid], batch_sizes=sizes)
    assert torch.equal(whole.y[valid], passes.forward(cell, ragged, keep=False).y)


def of_rows(layer, rows):
    """Some sequences of a layer in which all are equally long."""

    def mine(tensor):
        return tensor.unflatten(-2, (-1, layer.rows))[..., rows, :].flatten(-3, -2)

    return contiguous(
        layer._replace(
            x=mine(layer.x),
            states=layer.states[:, rows],
            step_noise=mine(layer.step_noise),
            sequence_noise=layer.sequence_noise[:, rows],
        )
    )


def of_steps(layer, steps):
    """Some steps of a layer in which all sequences are equally long."""

    def mine(tensor):
        return tensor.unflatten(-2, (-1, layer.rows))[..., steps, :, :].flatten(-3, -2)

    return contiguous(layer._replace(x=mine(layer.x), step_noise=mine(layer.step_noise)))


def contiguous(layer):
    return Layer(*(None if tensor is None else tensor.contiguous() for tensor in layer))


def backward(cell, layer, kept):
    """Gradients for seeds that are what the forward gave."""
    saved, seeds = Saved(kept.y, kept.gates, kept.histories), Seeds(kept.y, kept.last, None)
    return passes.backward(cell, layer, saved, seeds)


@every_cell
def test_gradients_are_the_same_bits_on_every_run(cell):
    layer = random_layer(cell, 5, 19, 4, 21, dtype=torch.float32)
    kept = passes.forward(cell, layer, keep=True)
    runs = [backward(cell, layer, kept) for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


@every_cell
def test_every_number_that_comes_back_was_written(cell, monkeypatch):
    """With new memory full of NaN, nothing that was left unwritten can pass for a zero."""
    layer = random_layer(cell, 4, 9, 3, 18)
    expected = passes.forward(cell, layer, keep=True)
    gradients = backward(cell, layer, expected)
    monkeypatch.setattr(torch, "empty_like", lambda like, **options: torch.full_like(like, torch.nan, **options))
    kept = passes.forward(cell, layer, keep=True)
    assert all(torch.equal(a, b) for a, b in zip(kept, expected, strict=True))
    again = backward(cell, layer, kept)
    assert all(torch.equal(a, b) for a, b in zip(again, gradients, strict=True))


@given(
    cell=st.sampled_from(list(ALL_CELLS.values())),
    sizes=st.tuples(*(st.integers(1, most) for most in (4, 20, 9, 40))),
    lengths=st.lists(st.integers(0, 5), min_size=1, max_size=20),
)
def test_any_sizes_and_lengths(cell, sizes, lengths):
    steps, rows, inputs, units = sizes
    batch_sizes = torch.tensor([sum(length > step for length in lengths) for step in range(max(lengths))])
    ragged = {"batch_sizes": batch_sizes.long()} if max(lengths) else {}
    layer = random_layer(cell, steps, len(lengths) if ragged else rows, inputs, units, **ragged)
    y, last, *_ = reference.forward(cell, layer)
    kept = passes.forward(cell, layer, keep=False)
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


@every_cell_slowly
def test_several_python_threads_at_once(cell):
    layer = random_layer(cell, 50, 64, 16, 32, dtype=torch.float32)
    expected = passes.forward(cell, layer, keep=False).y
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(5):
            if not torch.equal(passes.forward(cell, layer, keep=False).y, expected):
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
    key, leaves = register(cell), [tensor.requires_grad_() for tensor in layer[:TRAINED]]

    seed = torch.ones(3200, 64)  # made before the fork: torch's own parallel operations hang after it

    def gradients():
        y = sequence(key, Layer(*leaves, *layer[TRAINED:])).y
        return [g.numpy() for g in torch.autograd.grad(y, leaves, seed, materialize_grads=True)]

    with threads(2):
        expected = gradients()
        child = os.fork()
    if child == 0:
        torch.set_num_threads(2)
        signal.alarm(20)  # a hang ends the child, and the test
        os._exit(0 if all(np.allclose(*pair, rtol=1e-4) for pair in zip(gradients(), expected, strict=True)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
