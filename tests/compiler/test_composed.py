"""Functions that are compositions of others, against PyTorch's own: results, gradients, and the dtype of numbers."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from gatewise import cell
from gatewise.compiler.composed import COMPOSED
from gatewise.compiler.lower import program_of
from gatewise.compiler.render.reference import evaluate
from gatewise.kernels import reference
from gatewise.kernels.dispatch import sequence
from gatewise.kernels.registry import register

from ..matrix import random_layer, relative_error
from ..tolerance import PARITY, ROUNDING

CALLS = {
    "addcdiv": lambda a, b: torch.addcdiv(a, b, 1.5 + torch.sigmoid(a), value=0.3),
    "addcmul": lambda a, b: torch.addcmul(a, b, a, value=0.3),
    "ceil": lambda a, b: torch.ceil(a) * b,
    "clamp": lambda a, b: torch.clamp(a, -0.5, max=0.7) + b,
    "clamp_max": lambda a, b: a.clamp_max(0.5) + b,
    "clamp_min": lambda a, b: a.clamp_min(0.5) + b,
    "clip": lambda a, b: torch.clip(a, max=0.7) + b,
    "elu": lambda a, b: F.elu(a, alpha=0.7) + b,
    "exp2": lambda a, b: torch.exp2(a) + b,
    "frac": lambda a, b: torch.frac(a) * b,
    "gelu": lambda a, b: F.gelu(a, approximate="tanh") * b,
    "hardsigmoid": lambda a, b: F.hardsigmoid(a) * b,
    "hardswish": lambda a, b: F.hardswish(a) * b,
    "hardtanh": lambda a, b: F.hardtanh(a, -0.5, 0.7) * b,
    "leaky_relu": lambda a, b: F.leaky_relu(a) + F.leaky_relu(b, 0.2),
    "lerp": lambda a, b: torch.lerp(a, b, torch.sigmoid(a)) + torch.lerp(a, b, 0.3),
    "log_softmax": lambda a, b: F.log_softmax(a, dim=-1) * b,
    "logical_and": lambda a, b: torch.where((a > 0) & (b > 0), a, b),
    "logical_not": lambda a, b: torch.where(~(a > 0), a, b),
    "logical_or": lambda a, b: torch.where((a > 0) | (b > 0), a, b),
    "logsumexp": lambda a, b: torch.logsumexp(a, -1, keepdim=True) * b,
    "max": lambda a, b: torch.max(a, b) * b,
    "min": lambda a, b: torch.min(a, b) * b,
    "mish": lambda a, b: F.mish(a) * b,
    "ne": lambda a, b: torch.where(a != b, a, b) + a.ne(b) * b,
    "not_equal": lambda a, b: torch.where(torch.not_equal(a, b), a, b),
    "ones_like": lambda a, b: torch.ones_like(a) * b + a,
    "pow": lambda a, b: a**3 + torch.pow(1.5 + torch.sigmoid(b), -1.5) + 2.0**a + b**0 + torch.abs(a) ** 0.5,
    "reciprocal": lambda a, b: torch.reciprocal(2.0 + torch.sigmoid(a)) * b,
    "relu6": lambda a, b: F.relu6(4.0 * a) + b,
    "remainder": lambda a, b: torch.remainder(a, 0.7) + b % (1.5 + torch.sigmoid(a)),
    "rsqrt": lambda a, b: torch.rsqrt(1.5 + torch.sigmoid(a)) * b,
    "rsub": lambda a, b: torch.rsub(a, b) + torch.rsub(b, 1.0),
    "sign": lambda a, b: torch.sign(a) * b,
    "silu": lambda a, b: F.silu(a) * b,
    "softmax": lambda a, b: torch.softmax(a, -1) * b + F.softmax(b, dim=-1),
    "softplus": lambda a, b: F.softplus(a) + F.softplus(30.0 * a) + F.softplus(b, beta=2.0, threshold=3.0),
    "softsign": lambda a, b: F.softsign(a) * b,
    "square": lambda a, b: torch.square(a) + b.square(),
    "tan": lambda a, b: torch.tan(0.5 * torch.tanh(a)) * b,
    "tanhshrink": lambda a, b: F.tanhshrink(a) * b,
    "type_as": lambda a, b: (a > b).type_as(a) * a + a.type_as(b),
    "zeros_like": lambda a, b: torch.zeros_like(a) + b * a,
    # operators, and operations that were not there before
    "comparisons": lambda a, b: (a > 0) * a + (a >= b) * b + a * (a <= b) + (a < 0.3) * 0.1 + (a == a) * b,
    "circle": lambda a, b: torch.sin(a) * torch.cos(b) + torch.floor(b) * a,
    "over units": lambda a, b: a.sum(-1, keepdim=True) * b + torch.amax(b, -1, keepdim=True) * a,
    "dot": lambda a, b: (a * b).sum(-1, keepdim=True) * torch.where(a > b, 1.0, 0.1),
    "signs": lambda a, b: abs(+a) - (-b),
}


# What PyTorch chooses between numbers is float32, whatever the step is called on, and so is the sixth in its gradient
# of a hardsigmoid.
FLOAT32_INSIDE = 1e-7


def declared(step):
    return cell(gates="one two", state="h")(step)


def test_every_composition_is_tested():
    assert set(COMPOSED) <= set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_a_composition_is_what_pytorch_computes(name):
    """Its program beside the step itself on tensors: values, and gradients by what each of them is made of."""
    made = declared(lambda a, b, h: CALLS[name](a, b) + h)
    values = torch.randn(3, 4, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found, expected = [], []
    for results, run in (
        (found, lambda a, b, h: (lambda of: of[program_of(made).outputs["h"]])(evaluated(made, a, b, h))),
        (expected, lambda a, b, h: made(a, b, h)),
    ):
        leaves = [value.clone().requires_grad_() for value in values[:3]]
        result = run(*leaves)
        gradients = torch.autograd.grad(result.sin().sum(), leaves, allow_unused=True, materialize_grads=True)
        results += [result, *gradients]
    tolerance = FLOAT32_INSIDE if name in ("dot", "comparisons", "hardsigmoid") else ROUNDING
    for one, other in zip(found, expected, strict=True):
        assert relative_error(one, other.double()) <= tolerance


def evaluated(made, a, b, h):
    return evaluate(program_of(made), {"a_a": a, "a_b": b, "h_prev": h})


@pytest.mark.parametrize(
    "names", [sorted(CALLS)[::3], sorted(CALLS)[1::3], sorted(CALLS)[2::3]], ids=["first", "second", "third"]
)
def test_kernels_compute_compositions(names):
    """Sums of many, forward and backward, in the fused kernels and the plain loop."""

    def step(a, b, h):
        for name in names:
            b = torch.tanh(b + 0.3 * CALLS[name](torch.tanh(a + 0.2 * h), b))
        return b

    made = declared(step)
    layer = random_layer(made, 3, 2, 2, 7)
    results = []
    for run in (lambda layer: sequence(register(made), layer), lambda layer: reference.forward(made, layer)):
        leaves = [tensor.clone().requires_grad_() for tensor in layer[:6]]
        y = run(layer._replace(**dict(zip(layer._fields, leaves, strict=False)))).y
        assert y.dtype == torch.float64
        results.append([y, *torch.autograd.grad(y.square().sum(), leaves, allow_unused=True, materialize_grads=True)])
    for result, expected in zip(*results, strict=True):
        assert relative_error(result, expected) <= 1e2 * PARITY["float64"]  # twenty functions, one in another


def test_a_name_stays_with_what_a_call_is_composed_of():
    def step(a, b, h):
        gated = F.silu(a)
        h = gated * b + h
        return h

    assert "gated = a_a * sigmoid(a_a)" in str(program_of(declared(step)))
