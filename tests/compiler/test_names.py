"""A step may call its values what it likes: kernels have names of their own for arrays, sizes, biases and gradients."""

from __future__ import annotations

import pytest
import torch

from gatewise import cell
from gatewise.compiler.lower import program_of
from gatewise.errors import CellError
from gatewise.kernels import reference
from gatewise.kernels.cpu.table import SIZES
from gatewise.kernels.dispatch import sequence
from gatewise.kernels.registry import register
from gatewise.transforms import zoneout
from gatewise.value import RESERVED

from ..matrix import random_layer, relative_error
from ..tolerance import PARITY

STEP = """
def step(i, g, s, h, c):
    before_h, before_c = h, c
    {0} = sigmoid(i)
    {1} = tanh(g)
    new = 0.5 * before_c + {0} * {1}
    {2} = new * {0}
    return tanh(s({2})) + 0.1 * before_h, new
"""
# What a sigmoid, a tanh, and what is multiplied with U inside the step are called: all three are kept for backward.
NAMES = [("i", "g", "p"), ("h", "c", "p"), ("c", "g", "h"), ("h_prev", "b_i", "x"), ("rows", "steps", "units")]
NAMES += [("d_h", "d_c_out", "barrier"), ("d_a_i", "d_h_later", "d_h_products"), ("panel_0", "kept_g", "offsets")]


def named(*names):
    around = {"sigmoid": torch.sigmoid, "tanh": torch.tanh}
    exec(STEP.format(*names), around)
    gates = {"one": "W x + U h + b", "two": "W x + b", "three": "W x + U(...) + b"}
    return cell(gates=gates, state="h c")(around["step"])


def y_and_gradients(run, layer):
    leaves = [tensor.clone().requires_grad_() for tensor in layer[:6]]
    y = run(layer._replace(**dict(zip(layer._fields, leaves, strict=False)))).y
    return [y, *torch.autograd.grad(y.square().sum(), leaves, allow_unused=True, materialize_grads=True)]


def check(cell):
    layer = random_layer(cell, 4, 3, 2, 5)
    found = y_and_gradients(lambda layer: sequence(register(cell), layer), layer)
    expected = y_and_gradients(lambda layer: reference.forward(cell, layer), layer)
    for one, other in zip(found, expected, strict=True):
        assert relative_error(one, other) <= PARITY["float64"]


@pytest.mark.parametrize("names", NAMES, ids=" ".join)
def test_values_with_names_that_kernels_use(names):
    check(named(*names))


@cell(gates="one", state="h")
def plain(a, h):
    h = torch.tanh(a)
    return h


def test_a_transformed_cell_whose_value_keeps_the_name_of_the_state():
    """The unzoned value is called h, and is no state: a kernel once wrote it where the state belongs."""
    assert "h_2 = tanh(a_a)" in str(program_of(zoneout(plain, {"h": 0.2})))
    check(zoneout(plain, {"h": 0.2}))


def test_a_state_with_a_name_that_kernels_use_is_refused():
    with pytest.raises(CellError, match="has a state, a weight or an input called 'rows'"):

        @cell(gates="one", state="rows")
        def wrong(a, rows):
            return a + rows


def test_every_size_that_kernels_know_is_reserved():
    assert {*SIZES} <= RESERVED
