"""Integrated gradients against models where they are known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gatewise.errors import ExplanationError, InputError, ShapeError
from gatewise.inspect.credit.integrated import integrated_gradients
from gatewise.nn import GRU, LSTM

from ..matrix import relative_error
from ..tolerance import PARITY, ROUNDING


def random(*shape, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(2))


def last(y):
    return y[0][-1, 0].sum()


class Power(nn.Module):
    """A polynomial of each input, beside a layer that does nothing."""

    def __init__(self, power):
        super().__init__()
        self.rnn, self.power = GRU(2, 3, dtype=torch.float64), power

    def forward(self, x):
        return (x**self.power).sum() + 0.0 * self.rnn(x)[0].sum()


@pytest.mark.parametrize("power", [1, 2, 5])
def test_of_a_sum_of_functions_each_input_gets_its_own_difference(power):
    x, start = random(4, 1, 2), random(4, 1, 2) / 3 + 0.1
    found = integrated_gradients(Power(power), x, lambda y: y, baseline=start, tolerance=1e-13)
    assert relative_error(found.inputs, x**power - start**power) <= ROUNDING
    assert found.points == 8
    assert found.baseline == "given"


def test_credit_is_the_mean_of_autograds_gradient_on_the_way():
    module, x = LSTM(2, 3, dtype=torch.float64), random(6, 2, 2)
    found = integrated_gradients(module, x, last, lengths=[6, 4], tolerance=1e-10)
    shares = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    mean = torch.zeros_like(x)
    for share in shares.split(200):
        ways = (share.view(-1, 1, 1, 1) * x).requires_grad_()
        y = torch.func.vmap(lambda way: last(module(way)))(ways)
        mean += torch.autograd.grad(y.sum(), ways)[0].sum(0) / 4000
    assert relative_error(found.inputs, x * mean) <= 1e-6  # the midpoint rule's own error
    assert not found.inputs[:, 1].any()


def test_a_sharper_model_takes_more_points_and_adds_up():
    torch.manual_seed(0)
    module, x = LSTM(2, 3, dtype=torch.float64), 6 * random(6, 1, 2)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(6.0)
    found = integrated_gradients(module, x, last, tolerance=1e-9)
    assert found.points > 8
    assert str(found.points) in str(found.certificate)
    assert abs(float(found.inputs.sum()) - (found.value - found.start)) <= 1e-9 * abs(found.inputs).max()


def test_a_layer_of_torch_runs_too_and_gives_what_ours_gives():
    theirs, ours = nn.GRU(2, 3), GRU(2, 3)
    ours.load_state_dict(theirs.state_dict())
    x = random(5, 1, 2, dtype=torch.float32)
    a, b = (integrated_gradients(module, x, last).inputs for module in (theirs, ours))
    assert relative_error(a, b) <= PARITY["float32"]


def test_float32_says_that_it_is_at_its_floor_where_float64_goes_on():
    torch.manual_seed(0)
    module, x = LSTM(2, 3), random(6, 1, 2, dtype=torch.float32)
    with pytest.raises(ExplanationError, match=r"rounding of torch.float32") as refused:
        integrated_gradients(module, x, last, tolerance=1e-11)
    assert "float64" in refused.value.hint
    assert integrated_gradients(module.double(), x.double(), last, tolerance=1e-11).certificate.holds


def test_a_jump_is_refused_not_looped_over():
    model = nn.Module()
    model.rnn = GRU(1, 2, dtype=torch.float64)
    model.forward = lambda x: torch.where(x > 0.3, x + 1.0, x).sum() + 0.0 * model.rnn(x)[0].sum()
    with pytest.raises(ExplanationError, match="jump"):
        integrated_gradients(model, torch.ones(3, 1, 1, dtype=torch.float64), lambda y: y)


def test_the_mean_over_time_is_a_baseline():
    module, x = LSTM(2, 3, batch_first=True, dtype=torch.float64), random(2, 7, 2)
    found = integrated_gradients(module, x, lambda y: y[0][0, -1, 0], baseline="mean")
    start = float(module(x.mean(1, keepdim=True).expand_as(x))[0][0, -1, 0].detach())
    assert found.baseline == "mean"
    assert abs(found.start - start) <= ROUNDING


def test_bad_arguments_are_refused():
    module, x = LSTM(2, 3), torch.randn(4, 1, 2)
    with pytest.raises(InputError, match="baseline 'noise' does not exist"):
        integrated_gradients(module, x, last, baseline="noise")
    with pytest.raises(ShapeError, match="is not like x"):
        integrated_gradients(module, x, last, baseline=torch.zeros(2))
    with pytest.raises(InputError, match="one number"):
        integrated_gradients(module, x, lambda y: y[0])
    with pytest.raises(InputError, match="floating point"):
        integrated_gradients(module, x.long(), last)
    with pytest.raises(InputError, match="does not take lengths"):
        integrated_gradients(module, x, last, lengths=[4], baseline="mean")
