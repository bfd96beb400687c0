from __future__ import annotations

import pytest
import torch

from gatewise.errors import ShapeError
from gatewise.kernels.dispatch import choose, sequence
from gatewise.kernels.layer import Layer
from gatewise.kernels.operator import backward_op, sequence_op
from gatewise.kernels.registry import register

from ..matrix import every_cell, random_layer

TRAINED = 6  # the first fields of a layer are those with gradients


def with_gradients(layer):
    return Layer(*(tensor.requires_grad_() for tensor in layer[:TRAINED]), *layer[TRAINED:])


@every_cell
def test_opcheck(cell):
    layer = random_layer(cell, 3, 2, 4, 5)
    layer = with_gradients(layer)
    torch.library.opcheck(sequence_op, (register(cell), *layer, True))
    y, last, *kept = (tensor.detach() for tensor in sequence_op(register(cell), *layer, True))
    seeds = [torch.ones_like(tensor).requires_grad_() for tensor in (y, last)]
    torch.library.opcheck(backward_op, (register(cell), *layer, y, *kept, *seeds, None, True))


@every_cell
def test_compiled_without_a_graph_break(cell):
    key = register(cell)
    layer = random_layer(cell, 4, 3, 2, 5)
    leaves = with_gradients(layer)[:TRAINED]

    def loss(*tensors):
        y, last, _ = sequence(key, Layer(*tensors, *layer[TRAINED:]))
        return y.square().sum() + last.sum()

    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    expected = torch.autograd.grad(loss(*leaves), leaves, allow_unused=True, materialize_grads=True)
    found = torch.autograd.grad(compiled(*leaves), leaves, allow_unused=True, materialize_grads=True)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


TENSORS = Layer._fields[:-1]


@pytest.mark.parametrize("field", TENSORS)
@every_cell
def test_nothing_of_the_wrong_shape_reaches_native_code(cell, field):
    layer = random_layer(cell, 3, 2, 4, 5)
    wrong = torch.zeros(*(size + 2 for size in getattr(layer, field).shape), dtype=torch.float64)
    with pytest.raises(ShapeError, match=r"has shape|whole number of steps"):
        sequence_op(register(cell), *layer._replace(**{field: wrong}), False)


@pytest.mark.parametrize("field", [field for field in TENSORS if field != "x"])
@every_cell
def test_nothing_of_the_wrong_type_reaches_native_code(cell, field):
    layer = random_layer(cell, 3, 2, 4, 5)
    wrong = layer._replace(**{field: getattr(layer, field).float()})
    with pytest.raises(ShapeError, match=f"{field} is torch.float32"):
        sequence_op(register(cell), *wrong, False)


@every_cell
def test_layouts_do_not_matter(cell):
    key, layer = register(cell), random_layer(cell, 3, 2, 4, 5)
    expected = sequence(key, layer)[0]
    spread = [torch.empty(*tensor.shape, 2, dtype=tensor.dtype)[..., 0].copy_(tensor) for tensor in layer[:-1]]
    assert torch.equal(sequence(key, Layer(*spread, None))[0], expected)


@every_cell
def test_what_was_not_kept_is_computed_again_for_backward(cell):
    layer = random_layer(cell, 3, 2, 4, 5)
    layer = with_gradients(layer)
    gradients = [
        torch.autograd.grad(sequence_op(register(cell), *layer, keep)[0].sum(), layer[:TRAINED], allow_unused=True)
        for keep in (True, False)
    ]
    for kept, computed in zip(*gradients, strict=True):
        assert (kept is None and computed is None) or torch.equal(kept, computed)


@every_cell
@pytest.mark.parametrize("shape", [(0, 3, 2, 4), (3, 0, 2, 4)], ids=["T=0", "B=0"])
def test_nothing_in_nothing_out(cell, shape):
    layer = random_layer(cell, *shape)
    y, last, _ = sequence(register(cell), layer)
    assert y.shape == (0, shape[3])
    assert torch.equal(last, layer.states)


def test_the_choice_of_driver_is_given_in_words():
    assert choose(torch.zeros(1, 1)).driver == "cpu"
    assert "in float32" in choose(torch.zeros(1, 1, dtype=torch.bfloat16)).reason
    assert choose(torch.zeros(1, 1, device="meta")).driver == "reference"
