"""The penalties are those of Merity et al., arXiv:1708.01009, as their code has them."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck

from gatewise.errors import ShapeError
from gatewise.training.stability import activation, temporal_activation

from ..tolerance import GRADCHECK, ROUNDING


def outputs() -> torch.Tensor:
    return torch.randn(5, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_activation_is_the_mean_square():
    y = outputs()
    expected = sum(value**2 for value in y.flatten().tolist()) / 60
    assert activation(y, 2.0).item() == pytest.approx(2 * expected, rel=ROUNDING)


def test_temporal_activation_is_the_mean_square_of_steps_in_time():
    y = outputs()
    expected = sum(
        (y[t + 1, b, h].item() - y[t, b, h].item()) ** 2 for t in range(4) for b in range(3) for h in range(4)
    )
    assert temporal_activation(y, 0.5).item() == pytest.approx(0.5 * expected / 48, rel=ROUNDING)


@pytest.mark.parametrize("penalty", [activation, temporal_activation])
def test_their_gradients_are_right(penalty):
    assert gradcheck(lambda y: penalty(y, 0.7), outputs().requires_grad_(), **GRADCHECK)


def test_one_step_has_no_change():
    y = outputs()[:1].requires_grad_()
    change = temporal_activation(y, 1.0)
    change.backward()
    assert change.item() == 0.0
    assert not y.grad.any()


def test_outputs_without_a_time_axis_are_refused():
    with pytest.raises(ShapeError, match="T, B, H"):
        temporal_activation(torch.zeros(3), 1.0)
