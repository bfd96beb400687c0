from __future__ import annotations

from functools import partial

import pytest
import torch

from gatewise.errors import ShapeError
from gatewise.kernels.dispatch import sequence
from gatewise.kernels.layer import Layer
from gatewise.kernels.operator import backward_op, double_backward_op, sequence_op
from gatewise.kernels.reference import TRAINED
from gatewise.kernels.registry import register

from ..matrix import ALL_CELLS, every_cell, every_cell_slowly, every_choice, every_pair, random_layer


def with_gradients(layer):
    return Layer(*(tensor.requires_grad_() for tensor in layer[:TRAINED]), *layer[TRAINED:])


# Steps, inputs, units, how many sequences run at each step (None: two throughout), dtype, layout, gradients.
INPUTS = [
    (3, 4, 5, None, torch.float64, "plain", True),
    (1, 1, 2, None, torch.float32, "plain", True),
    (2, 3, 17, None, torch.float64, "spread", True),
    (4, 2, 3, (3, 2, 2, 1), torch.float64, "plain", True),
    (3, 1, 4, (2, 1, 1), torch.float32, "padded", True),
    (2, 0, 3, None, torch.float64, "plain", True),
    (3, 2, 4, None, torch.float32, "plain", False),
    (2, 2, 3, (2, 0), torch.float64, "spread", False),
    (1, 3, 9, None, torch.float64, "transposed", True),
    (5, 2, 2, (4, 4, 4, 4, 1), torch.float32, "padded", False),
    (2, 5, 4, None, torch.float32, "transposed", False),
    (3, 3, 3, (1, 1, 1), torch.float64, "padded", True),
]
LAYOUTS = {
    "plain": lambda tensor: tensor,
    "spread": lambda tensor: torch.empty(*tensor.shape, 2, dtype=tensor.dtype)[..., 0].copy_(tensor),
    "transposed": lambda tensor: tensor.transpose(0, -1).contiguous().transpose(0, -1),
    "padded": lambda tensor: tensor,
}


def layer_of(cell, steps, inputs, units, sizes, dtype, layout, gradients):
    batch_sizes = None if sizes is None else torch.tensor(sizes)
    rows = 2 if sizes is None else sizes[0] + 1
    layer = random_layer(cell, steps, rows, inputs, units, dtype=dtype, batch_sizes=batch_sizes)
    if layout == "padded":
        more = {name: torch.nn.functional.pad(getattr(layer, name), (0, 0, 0, 2)) for name in ("x", "step_noise")}
        layer = layer._replace(**more)
    tensors = [LAYOUTS[layout](tensor) for tensor in layer[:-1]]
    return Layer(*(t.requires_grad_(gradients and i < TRAINED) for i, t in enumerate(tensors)), layer.batch_sizes)


def test_there_are_enough_inputs():
    assert len(INPUTS) * len(ALL_CELLS) >= 200


NAMED_INPUTS = {"-".join(map(str, inputs)): inputs for inputs in INPUTS}
OF_THE_OPERATOR = ("test_schema", "test_autograd_registration", "test_faketensor")


@every_pair(cell=ALL_CELLS, inputs=NAMED_INPUTS)
def test_opcheck(cell, inputs):
    check_operators(cell, inputs, OF_THE_OPERATOR)


@every_choice(cell=ALL_CELLS, inputs=NAMED_INPUTS)
def test_opcheck_when_traced(cell, inputs):
    """Which takes long, and sees nothing of the cell but its operators' shapes."""
    check_operators(cell, inputs, "test_aot_dispatch_dynamic")


def check_operators(cell, inputs, tests):
    layer, key = layer_of(cell, *inputs), register(cell).key
    check = partial(torch.library.opcheck, test_utils=tests)
    check(sequence_op, (key, *layer, inputs[-1]))
    y, last, *kept = (tensor.detach() for tensor in sequence_op(key, *layer, True))
    seeds = [torch.ones_like(tensor).requires_grad_(inputs[-1]) for tensor in (y, last, kept[1])]
    seeds[2] = seeds[2] if kept[1].numel() else None
    check(backward_op, (key, *layer, y, *kept, *seeds, inputs[0] % 2 == 0))
    plain = [None if tensor is None else tensor.detach() for tensor in (*layer, *seeds)]
    given = [None if index == inputs[0] else torch.ones_like(field) for index, field in enumerate(plain[:TRAINED])]
    check(double_backward_op, (key, *plain, *given))


@every_cell_slowly
def test_compiled_without_a_graph_break(cell):
    registered = register(cell)
    layer = random_layer(cell, 4, 3, 2, 5)
    leaves = with_gradients(layer)[:TRAINED]

    def loss(*tensors):
        y, last, *_ = sequence(registered, Layer(*tensors, *layer[TRAINED:]))
        return y.square().sum() + last.sum()

    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    expected = torch.autograd.grad(loss(*leaves), leaves, allow_unused=True, materialize_grads=True)
    found = torch.autograd.grad(compiled(*leaves), leaves, allow_unused=True, materialize_grads=True)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


TENSORS = Layer._fields[:-1]


@every_pair(cell=ALL_CELLS, field=TENSORS)
def test_nothing_of_the_wrong_shape_reaches_native_code(cell, field):
    layer = random_layer(cell, 3, 2, 4, 5)
    wrong = torch.zeros(*(size + 2 for size in getattr(layer, field).shape), dtype=torch.float64)
    with pytest.raises(ShapeError, match=r"has shape|whole number of steps"):
        sequence_op(register(cell).key, *layer._replace(**{field: wrong}), False)


@every_pair(cell=ALL_CELLS, field=[field for field in TENSORS if field != "x"])
def test_nothing_of_the_wrong_type_reaches_native_code(cell, field):
    layer = random_layer(cell, 3, 2, 4, 5)
    wrong = layer._replace(**{field: getattr(layer, field).float()})
    with pytest.raises(ShapeError, match=f"{field} is torch.float32"):
        sequence_op(register(cell).key, *wrong, False)


@every_cell
def test_layouts_do_not_matter(cell):
    registered, layer = register(cell), random_layer(cell, 3, 2, 4, 5)
    expected = sequence(registered, layer)[0]
    spread = [torch.empty(*tensor.shape, 2, dtype=tensor.dtype)[..., 0].copy_(tensor) for tensor in layer[:-1]]
    assert torch.equal(sequence(registered, Layer(*spread, None))[0], expected)


@every_cell
def test_what_was_not_kept_is_computed_again_for_backward(cell):
    layer = random_layer(cell, 3, 2, 4, 5)
    layer = with_gradients(layer)
    gradients = [
        torch.autograd.grad(sequence_op(register(cell).key, *layer, keep)[0].sum(), layer[:TRAINED], allow_unused=True)
        for keep in (True, False)
    ]
    for kept, computed in zip(*gradients, strict=True):
        assert (kept is None and computed is None) or torch.equal(kept, computed)


@every_cell
@pytest.mark.parametrize("shape", [(0, 3, 2, 4), (3, 0, 2, 4)], ids=["T=0", "B=0"])
def test_nothing_in_nothing_out(cell, shape):
    layer = random_layer(cell, *shape)
    y, last, *_ = sequence(register(cell), layer)
    assert y.shape == (0, shape[3])
    assert torch.equal(last, layer.states)
