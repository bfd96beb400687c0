"""Tensors that are plain but for a bit: right, or refused, wherever they go."""

from __future__ import annotations

import pytest
import torch

import gatewise
from gatewise.errors import InputError, ShapeError
from gatewise.nn import GRU, LSTM, Chain, GRUCell, LSTMCell


def negative(x):
    """A view that shows what is there with the other sign, as ``z.conj().imag`` is."""
    return torch._neg_view(-x)


def zero(x):
    """Zeros that torch has not written down."""
    return torch._efficientzerotensor(x.shape)


def cut_short(x):
    """As code for sharded training leaves weights that it needs no more."""
    x = x.clone()
    x.untyped_storage().resize_(x.untyped_storage().nbytes() - 4)
    return x


def freed(x):
    x = x.clone()
    x.untyped_storage().resize_(0)
    return x


def part_of_zeros(x):
    """Its address is not even 0."""
    return torch._efficientzerotensor((1 + len(x), *x.shape[1:]))[1:]


RIGHT = {"negative": negative, "zero": zero, "part of zeros": part_of_zeros}
REFUSED = {"cut_short": cut_short, "freed": freed}
right = pytest.mark.parametrize("odd", RIGHT.values(), ids=RIGHT)
refused = pytest.mark.parametrize("odd", REFUSED.values(), ids=REFUSED)


def stepped(module, x):
    return gatewise.stream(module, x.shape[1]).step(x[0])


# (a module, a tensor that it takes) -> its output
CALLS = {
    "layer": (LSTM, lambda module, x: module(x)[0]),
    "initial state": (GRU, lambda module, x: module(torch.ones(2, *x.shape[1:]), x[:1])[0]),
    "cell": (LSTMCell, lambda module, x: module(x[0])[0]),
    "state of a cell": (GRUCell, lambda module, x: module(torch.ones(x.shape[1:]), x[0])),
    "stream": (GRU, stepped),
}
every_call = pytest.mark.parametrize("name", CALLS)


def made(name):
    kind, call = CALLS[name]
    module = kind(3, 3)
    module.allow_nonfinite = True  # or the input is looked at before, by torch's own operations
    return module, call


@right
@every_call
def test_what_has_numbers_is_read_as_what_it_shows(name, odd):
    module, call = made(name)
    x = odd(torch.randn(3, 2, 3))
    plain = torch.zeros(x.shape) + x
    assert torch.equal(call(module, x), call(module, plain))


@right
def test_weights_and_the_gradients_that_come_back(odd):
    module, x = LSTM(3, 4), torch.randn(5, 2, 3, requires_grad=True)
    odd_module = LSTM(3, 4)
    with torch.no_grad():
        for name, weight in list(module.named_parameters()):
            spoilt = odd(weight)
            setattr(odd_module, name, torch.nn.Parameter(spoilt))
            weight.copy_(torch.zeros(weight.shape) + spoilt)
    seed = odd(torch.randn(5, 2, 4))
    expected = torch.autograd.grad(module(x)[0], [x, *module.parameters()], torch.zeros(seed.shape) + seed)
    gradients = torch.autograd.grad(odd_module(x)[0], [x, *odd_module.parameters()], seed)
    assert all(map(torch.equal, gradients, expected))
    assert torch.equal(stepped(odd_module, x.detach()), stepped(module, x.detach()))


@refused
@pytest.mark.parametrize("shape", [(3, 2, 3), (2, 3)], ids=["layer", "cell and stream"])
def test_what_has_lost_its_memory_is_refused(shape, odd):
    x, layer, cell = odd(torch.randn(shape)), LSTM(3, 3), LSTMCell(3, 3)
    layer.allow_nonfinite = cell.allow_nonfinite = True
    for call in [layer] if len(shape) == 3 else [cell, gatewise.stream(layer, 2).step]:
        with pytest.raises(ShapeError, match=r"has shape .*, and memory for less than that"):
            call(x)


@refused
def test_a_weight_that_has_lost_its_memory_is_refused_forward_and_backward(odd):
    module, x = GRU(3, 4), torch.randn(5, 2, 3)
    whole = module.weight_hh_l0.detach().clone()
    y, _ = module(x)
    storage, spoilt = module.weight_hh_l0.untyped_storage(), odd(whole)
    storage.resize_(spoilt.untyped_storage().nbytes())
    with pytest.raises(ShapeError, match="U has shape"):
        module(x)
    with pytest.raises(ShapeError, match="U has shape"):
        y.sum().backward()


def test_a_stream_goes_on_with_the_weights_that_it_was_made_with():
    chain = Chain(LSTM(2, 3), torch.nn.LayerNorm(3), torch.nn.Linear(3, 2))
    stream, x = gatewise.stream(chain), torch.ones(1, 2)
    expected = stream.step(x)
    stream.reset()
    with torch.no_grad():
        for weight in chain.parameters():
            weight.fill_(100.0)
            weight.untyped_storage().resize_(0)
    assert torch.equal(stream.step(x), expected)


NOT_DENSE = {
    "sparse_coo": torch.Tensor.to_sparse,
    "sparse_csr": torch.Tensor.to_sparse_csr,
    "mkldnn": torch.Tensor.to_mkldnn,
    "nested": lambda x: torch.nested.nested_tensor(list(x)),
}


@pytest.mark.filterwarnings("ignore:.*(nested tensors|Sparse CSR|csr)")
@pytest.mark.parametrize("change", NOT_DENSE)
def test_tensors_that_are_not_dense_are_refused_by_name(change):
    """Also after a call that was plain: torch's guard ends the process at a nested one."""
    module, x, h = GRUCell(3, 4), torch.randn(2, 3), torch.randn(2, 4)
    module(x, h)
    with pytest.raises(InputError, match=f"the input is {change}, not a dense tensor"):
        module(NOT_DENSE[change](x), h)
    with pytest.raises(InputError, match=f"h_0 is {change}, not a dense tensor"):
        module(x, NOT_DENSE[change](h))
