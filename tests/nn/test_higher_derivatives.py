"""Second and third derivatives in the forms that torch has for them, against those of torch.nn."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import functional
from torch.utils import _pytree as pytree

import gatewise.nn

from ..matrix import names, relative_error
from ..tolerance import PARITY


@pytest.fixture(autouse=True)
def _same_numbers_in_every_run():
    torch.manual_seed(0)


LOSS = torch.linspace(-1, 2, 3, dtype=torch.float64)
DERIVATIVES = {
    "hvp": lambda f, x: functional.hvp(f, x, torch.ones_like(x))[1],
    "hessian": lambda f, x: functional.hessian(f, x, vectorize=True),
    "grad of grad": lambda f, x: torch.func.grad(lambda x: torch.func.grad(f)(x).square().sum())(x),
    "batched": lambda f, x: batched(f, x),
    "third": lambda f, x: third(f, x),
}


def batched(f, x):
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(f(x), x, create_graph=True)
    return torch.autograd.grad(gradient, x, torch.stack([x.detach(), -x.detach()]), is_grads_batched=True)[0]


def third(f, x):
    x = x.clone().requires_grad_()
    value = f(x)
    for _ in range(2):
        (gradient,) = torch.autograd.grad(value, x, create_graph=True)
        value = gradient.square().sum()
    return torch.autograd.grad(value, x)[0]


@pytest.mark.parametrize("name", names(("GRU", "LSTM", "LSTMCell", "RNN"), quick=["LSTM", "LSTMCell"]))
@pytest.mark.parametrize("derivative", DERIVATIVES)
def test_second_and_third_derivatives_in_all_forms(name, derivative):
    ours, theirs = (getattr(library, name)(3, 3).double() for library in (gatewise.nn, torch.nn))
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(*((2, 3) if "Cell" in name else (3, 2, 3)), dtype=torch.float64)
    found, expected = (
        DERIVATIVES[derivative](lambda x, module=module: (pytree.tree_leaves(module(x))[0] * LOSS).pow(2).sum(), x)
        for module in (ours, theirs)
    )
    assert relative_error(found, expected) <= PARITY["float64"]


def test_batches_of_gradients_go_no_further_than_each_layer():
    module, hx = gatewise.nn.GRU(3, 3, num_layers=2), torch.randn(2, 2, 3, requires_grad=True)
    y, _ = module(torch.randn(4, 2, 3), hx)
    seeds = torch.randn(3, *y.shape)
    (together,) = torch.autograd.grad(y, hx, seeds, is_grads_batched=True, retain_graph=True)
    for gradient, seed in zip(together, seeds, strict=True):
        (alone,) = torch.autograd.grad(y, hx, seed, retain_graph=True)
        assert relative_error(gradient, alone) <= PARITY["float32"]
