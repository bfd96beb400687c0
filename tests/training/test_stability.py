"""Numbers that are not finite stop a run, with a name, and leave everything as it was before them."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from gatewise.training import Carried, DivergedError, ExponentialAverage, Trainer
from gatewise.training.stability import clip_gradient, gradient_norm

from .tasks import Network, adam, assert_same, drawn, kept, loss, loss_with_state, sgd, stretches

BAD = pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
PRECISIONS = pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
FROM = 4
"""The first update that goes wrong."""


class BadGradient(torch.autograd.Function):
    """The identity, whose gradient is multiplied by a number."""

    @staticmethod
    def forward(ctx, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x * 1.0

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.factor, None


class Spoilt:
    """Carries state, and from some call on spoils the loss, or the gradient of one parameter."""

    def __init__(self, bad: float, name: str, calls: int = FROM) -> None:
        self.bad, self.name, self.left = bad, name, calls
        self.healed = False

    def __call__(self, module: nn.Module, batch, state) -> tuple[Tensor, object]:
        value, state = loss_with_state(module, batch, state)
        self.left -= 1
        if self.left > 0 or self.healed:
            return value, state
        if self.name == "loss":
            return value * self.bad, state
        # every parameter from this one on, as where a backward pass breaks down
        names = [name for name, _ in module.named_parameters()]
        weights = [module.get_parameter(name) for name in names[names.index(self.name) :]]
        return value + sum((BadGradient.apply(weight, self.bad) * 1e-3).sum() for weight in weights), state


def trainer_of(spoilt: Spoilt, precision: str = "float32", **options) -> Trainer:
    module = Network()
    options |= {"precision": precision, "average": ExponentialAverage(0.5)}
    return Trainer(module, Carried(spoilt), stretches(), adam(module), **options)


def state_but_position(trainer: Trainer) -> dict:
    """All but what a batch that was read has moved on: the source, and the generators that dropout used."""
    state = kept(trainer)
    del state["source"], state["generators"]
    return state


@BAD
@PRECISIONS
@pytest.mark.parametrize("clip", [None, 1.0])
def test_a_bad_loss_stops_the_run_and_changes_nothing(bad, precision, clip):
    trainer = trainer_of(Spoilt(bad, "loss"), precision, clip=clip)
    trainer.run(steps=FROM - 1)
    before = state_but_position(trainer)
    with pytest.raises(DivergedError, match=f"step {FROM}: .* the loss is") as caught:
        trainer.run(steps=10)
    assert caught.value.tensor == "loss"
    assert trainer.step == FROM - 1
    assert_same(state_but_position(trainer), before)


@BAD
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", [name for name, _ in Network().named_parameters()])
def test_a_bad_gradient_stops_the_run_and_names_the_first_parameter(bad, precision, name):
    trainer = trainer_of(Spoilt(bad, name), precision)
    trainer.run(steps=FROM - 1)
    before = state_but_position(trainer)
    with pytest.raises(DivergedError, match=f"the gradient of {name} is not finite") as caught:
        trainer.run(steps=10)
    assert caught.value.tensor == name
    assert_same(state_but_position(trainer), before)


@PRECISIONS
def test_a_run_can_go_on_after_what_was_bad(precision):
    spoilt = Spoilt(float("nan"), "loss")
    trainer = trainer_of(spoilt, precision)
    with pytest.raises(DivergedError):
        trainer.run(steps=10)
    spoilt.healed = True
    assert trainer.run(steps=10).steps == 10


def test_a_weight_that_is_not_finite_is_named_itself():
    module = Network()
    nn.init.constant_(module.head.bias, float("nan"))
    with pytest.raises(DivergedError, match=r"weights of head\.bias"):
        Trainer(module, loss, drawn(), sgd(module)).run(steps=1)


def test_finite_gradients_whose_norm_overflows_are_told_apart():
    module = nn.Linear(2, 1)
    trainer = Trainer(module, lambda module, batch: 1e30 * module.weight.sum(), drawn(), sgd(module))
    with pytest.raises(DivergedError, match="each gradient is finite, but their norm is inf"):
        trainer.run(steps=1)


def test_an_overflow_of_float16_is_left_out_and_the_scale_lowered():
    """A gradient of 100 overflows at the first scale, 2^16, which is halved until it does not."""
    module = nn.Linear(1, 1, bias=False)
    seen: list[float] = []

    def steep(module: nn.Module, batch) -> Tensor:
        seen.append(module.weight.item())
        return (module(torch.ones(1, 1)) * 100).sum()  # in float16 the product's gradient is 100 * scale

    optimizer = sgd(module)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    average = ExponentialAverage(0.5)
    trainer = Trainer(
        module, steep, drawn(), optimizer, precision="float16", clip=None, schedule=schedule, average=average
    )
    ended = trainer.run(steps=1)
    assert len(seen) > 2
    assert len(set(seen)) == 1  # nothing was applied before the last
    assert module.weight.item() == pytest.approx(seen[0] - 0.1 * 100)
    assert trainer.precision.scaler.get_scale() == 2**16 / 2 ** (len(seen) - 1)
    assert (ended.steps, schedule.last_epoch, average.count) == (1, 1, 1)


def test_a_resumed_run_knows_the_scale_of_float16():
    trainer, resumed = (trainer_of(Spoilt(0.0, "loss", calls=99), "float16") for _ in range(2))
    trainer.run(steps=1)
    trainer.precision.scaler.update(8.0)
    resumed.load_state_dict(kept(trainer))
    assert resumed.precision.scaler.get_scale() == 8.0
    resumed.run(steps=2)
    assert resumed.precision.scaler.state_dict()["_growth_tracker"] == 2


def test_a_gradient_that_overflows_at_every_scale_stops_the_run():
    spoilt = Spoilt(float("inf"), "head.weight", calls=0)
    trainer = trainer_of(spoilt, "float16")
    with pytest.raises(DivergedError, match=r"head\.weight"):
        trainer.run(steps=1)
    assert trainer.source.epoch < 20  # it did not go on for ever


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=2, max_size=8), st.floats(0.0625, 100, width=32))
def test_clipping_is_torchs(gradient, bound):
    ours, theirs = nn.Linear(len(gradient), 1), nn.Linear(len(gradient), 1)
    for module in (ours, theirs):
        module.weight.grad = torch.tensor([gradient])
        module.bias.grad = torch.tensor([2.0])
    norm = gradient_norm(ours.parameters())
    clip_gradient(ours.parameters(), bound, norm)
    assert_same(norm, nn.utils.clip_grad_norm_(theirs.parameters(), bound))
    assert_same(ours.weight.grad, theirs.weight.grad)
    assert_same(ours.bias.grad, theirs.bias.grad)


def test_the_gradient_is_clipped_over_all_parameters_after_it_is_unscaled():
    for precision in ("float32", "float16"):
        module = nn.Linear(3, 1)
        start = deepcopy(module.state_dict())
        trainer = Trainer(
            module,
            lambda module, batch: 30 * module.weight.sum() + 40 * module.bias.sum(),
            drawn(),
            torch.optim.SGD(module.parameters(), lr=1.0),
            clip=0.5,
            precision=precision,
        )
        trainer.run(steps=1)
        change = torch.cat([(start[name] - weight).flatten() for name, weight in module.state_dict().items()])
        expected = 0.5 * torch.tensor([30.0, 30.0, 30.0, 40.0]) / (3 * 900 + 1600) ** 0.5
        torch.testing.assert_close(change, expected, rtol=1e-4, atol=0)
