from __future__ import annotations

import pytest
import torch

from gatewise.errors import ShapeError
from gatewise.kernels.dispatch import choose, sequence
from gatewise.kernels.layer import Layer
from gatewise.kernels.operator import backward_op, sequence_op
from gatewise.kernels.registry import register

from ..matrix import every_cell, random_layer


@every_cell
def test_opcheck(cell):
    layer = random_layer(cell, 3, 2, 4, 5)
    leaves = [tensor.requires_grad_() for tensor in layer[:-1]]
    torch.library.opcheck(sequence_op, (register(cell), *leaves, False, True))
    kept = [tensor.detach() for tensor in sequence_op(register(cell), *layer, True)]
    d_y, d_last = torch.ones_like(kept[0]).requires_grad_(), torch.ones_like(kept[1]).requires_grad_()
    torch.library.opcheck(backward_op, (register(cell), *leaves, False, *kept, d_y, d_last, True))


@every_cell
def test_compiled_without_a_graph_break(cell):
    key = register(cell)
    layer = random_layer(cell, 4, 3, 2, 5)
    leaves = [tensor.requires_grad_() for tensor in layer[:-1]]

    def loss(*tensors):
        y, last = sequence(key, Layer(*tensors, False))
        return y.square().sum() + last.sum()

    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    expected = torch.autograd.grad(loss(*leaves), leaves, allow_unused=True, materialize_grads=True)
    found = torch.autograd.grad(compiled(*leaves), leaves, allow_unused=True, materialize_grads=True)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("field", [field for field in Layer._fields if field != "reverse"])
@every_cell
def test_nothing_of_the_wrong_shape_reaches_native_code(cell, field):
    layer = random_layer(cell, 3, 2, 4, 5)
    wrong = torch.zeros(*(size + 1 for size in getattr(layer, field).shape), dtype=torch.float64)
    with pytest.raises(ShapeError, match="has shape"):
        sequence_op(register(cell), *layer._replace(**{field: wrong}), False)


@pytest.mark.parametrize("field", [field for field in Layer._fields if field not in ("x", "reverse")])
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
    assert torch.equal(sequence(key, Layer(*spread, False))[0], expected)


@every_cell
def test_what_was_not_kept_is_computed_again_for_backward(cell):
    layer = random_layer(cell, 3, 2, 4, 5)
    leaves = [tensor.requires_grad_() for tensor in layer[:-1]]
    gradients = [
        torch.autograd.grad(sequence_op(register(cell), *leaves, False, keep)[0].sum(), leaves, allow_unused=True)
        for keep in (True, False)
    ]
    for kept, computed in zip(*gradients, strict=True):
        assert (kept is None and computed is None) or torch.equal(kept, computed)


@every_cell
@pytest.mark.parametrize("shape", [(0, 3, 2, 4), (3, 0, 2, 4)], ids=["T=0", "B=0"])
def test_nothing_in_nothing_out(cell, shape):
    layer = random_layer(cell, *shape)
    y, last = sequence(register(cell), layer)
    assert y.shape == (shape[0], shape[1], shape[3])
    assert torch.equal(last, layer.states)


def test_the_choice_of_driver_is_given_in_words():
    assert choose(torch.zeros(1, 1, 1)).driver == "cpu"
    half = choose(torch.zeros(1, 1, 1, dtype=torch.bfloat16))
    assert half.driver == "reference"
    assert "bfloat16" in half.reason
