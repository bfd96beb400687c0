"""Half precision on the CPU beside torch.nn's, whose every operation rounds, against the same layer in float64."""

from __future__ import annotations

import copy
from contextlib import nullcontext

import pytest
import torch

import gatewise.nn
from gatewise.kernels.cpu.blocking import portable_pairs

from ..matrix import relative_error
from ..tolerance import HALF_BESIDE_TORCH
from .test_recurrent import TWINS

T, B, I, H = 40, 5, 20, 24


def run(module, x, seed):
    """Outputs, and the gradients of the input and of every weight."""
    x = x.detach().to(next(module.parameters()).dtype).requires_grad_()
    y, _ = module(x)
    return [y.detach(), *torch.autograd.grad(y, [x, *module.parameters()], seed.to(y.dtype))]


WAYS = {
    "bfloat16": (torch.bfloat16, nullcontext),
    "float16": (torch.float16, nullcontext),
    "products of bfloat16": (torch.bfloat16, portable_pairs),
}


@pytest.mark.parametrize(("dtype", "way"), WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", TWINS)
def test_no_result_is_further_from_float64_than_torchs(name, dtype, way):
    torch.manual_seed(0)
    ours, theirs = (getattr(where, name)(I, H, dtype=dtype) for where in (gatewise.nn, torch.nn))
    theirs.load_state_dict(ours.state_dict())
    x, seed = torch.randn(T, B, I).to(dtype), (torch.randn(T, B, H) / T).to(dtype)
    exact = run(copy.deepcopy(theirs).double(), x, seed)
    with way():
        found = run(ours, x, seed)
    for mine, other, truth in zip(found, run(theirs, x, seed), exact, strict=True):
        assert relative_error(mine.double(), truth) <= HALF_BESIDE_TORCH * relative_error(other.double(), truth)
