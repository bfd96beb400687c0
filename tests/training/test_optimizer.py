from __future__ import annotations

import torch
from torch import nn

from gatewise.training.optimizer import adamw

from ..matrix import every_dtype
from ..tolerance import PARITY

RATE, DECAY, SHAPES = 0.01, 0.1, ((300, 257), (7,), (1025,), (1,))


def weights(dtype: torch.dtype) -> nn.ParameterList:
    torch.manual_seed(0)
    return nn.ParameterList(torch.randn(shape, dtype=dtype) for shape in SHAPES)


def trained(module: nn.ParameterList, optimizer: torch.optim.Optimizer, threads: int = 1) -> list[torch.Tensor]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        torch.manual_seed(1)
        for _ in range(5):
            for weight in module:
                weight.grad = torch.randn_like(weight)
            optimizer.step()
    finally:
        torch.set_num_threads(before)
    return [weight.detach() for weight in module]


@every_dtype
def test_the_bits_are_the_same_for_any_number_of_threads(dtype):
    one, three = (weights(dtype) for _ in range(2))
    for a, b in zip(
        trained(one, adamw(one, RATE, DECAY)), trained(three, adamw(three, RATE, DECAY), threads=3), strict=True
    ):
        assert torch.equal(a, b)


@every_dtype
def test_weights_are_those_of_torchs_own_loop(dtype):
    fused, plain = (weights(dtype) for _ in range(2))
    loop = torch.optim.AdamW(plain.parameters(), lr=RATE, weight_decay=DECAY, foreach=False, fused=False)
    for a, b in zip(trained(fused, adamw(fused, RATE, DECAY)), trained(plain, loop), strict=True):
        error = (a - b).abs().max() / b.abs().max()
        assert error <= PARITY[str(dtype).removeprefix("torch.")]


def test_weights_without_a_gradient_stay() -> None:
    module = weights(torch.float32)
    before = module[0].detach().clone()
    optimizer = adamw(module, RATE, DECAY)
    for weight in list(module)[1:]:
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    assert torch.equal(module[0], before)
    assert not torch.equal(module[1].detach(), weights(torch.float32)[1].detach())
