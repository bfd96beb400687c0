"""Averages of the weights are the averages they say they are, begin when they say, and leave training alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, get_swa_multi_avg_fn

from gatewise.errors import InputError
from gatewise.training import (
    Average,
    Callback,
    EarlyStopping,
    ExponentialAverage,
    MeanAverage,
    NonMonotone,
    Trainer,
    Validation,
)

from ..tolerance import ROUNDING
from .tasks import Network, adam, assert_same, drawn, evaluation, loss, sgd

VALUES = st.lists(st.floats(-10, 10), min_size=1, max_size=12)


def taken_in(average: Average, values: list[float]) -> nn.Linear:
    """A module with one weight that was each of the values in turn, after updates number 1, 2, ..."""
    module = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    average.attach(module)
    for step, value in enumerate(values, start=1):
        nn.init.constant_(module.weight, value)
        average.after_step(step)
    return module


@given(VALUES, st.integers(1, 12))
def test_the_mean_is_that_of_the_weights_from_its_start_on(values, start):
    average = MeanAverage(start)
    module = taken_in(average, values)
    average.install()
    late = values[start - 1 :]
    expected = sum(late) / len(late) if late else values[-1]
    assert module.weight.item() == pytest.approx(expected, rel=ROUNDING, abs=10 * ROUNDING)


@given(VALUES, st.floats(0, 0.99))
def test_the_exponential_mean_follows_its_formula(values, decay):
    average = ExponentialAverage(decay)
    module = taken_in(average, values)
    average.install()
    expected = values[0]
    for value in values[1:]:
        expected = decay * expected + (1 - decay) * value
    assert module.weight.item() == pytest.approx(expected, rel=ROUNDING, abs=10 * ROUNDING)


@pytest.mark.parametrize(
    ("average", "mix"), [(MeanAverage(), get_swa_multi_avg_fn()), (ExponentialAverage(0.9), get_ema_multi_avg_fn(0.9))]
)
def test_they_are_torchs_averaged_model(average, mix):
    module = Network()
    theirs = AveragedModel(module, multi_avg_fn=mix)

    class Both(Callback):
        def after_step(self, trainer: Trainer) -> None:
            theirs.update_parameters(module)

    Trainer(module, loss, drawn(), adam(module), average=average, callbacks=[Both()]).run(steps=5)
    assert_same(average.means, [parameter.detach() for parameter in theirs.module.parameters()])


def test_non_monotone_begins_when_a_loss_is_worse_than_the_best_of_all_but_the_last():
    """Merity et al., arXiv:1708.02182, algorithm 1, typed out."""
    losses = [9.0, 7.0, 8.0, 6.0, 6.5, 6.4, 6.3, 6.2, 6.1, 6.05, 6.6, 5.0]
    for patience in (1, 2, 3, 5):
        average = NonMonotone(patience)
        begun, logs, triggered = [], [], False
        for loss_ in losses:
            t = len(logs)
            if not triggered and t > patience and loss_ > min(logs[l] for l in range(t - patience)):
                triggered = True
            logs.append(loss_)
            average.validated(loss_)
            begun.append(average.wants(1) == triggered)
        assert all(begun)
        assert triggered == (patience < 5 or losses[10] > 6.0)


def test_non_monotone_averages_only_from_its_trigger_on():
    average = NonMonotone(1)
    module = taken_in(average, [1.0, 2.0])
    for loss_ in (1.0, 1.0, 1.0, 3.0):  # as good as the best is not worse
        assert not average.wants(3)
        average.validated(loss_)
    for step, value in enumerate((4.0, 8.0), start=3):
        nn.init.constant_(module.weight, value)
        average.after_step(step)
    average.install()
    assert module.weight.item() == 6.0


@pytest.mark.parametrize("callback", [Validation, EarlyStopping])
def test_non_monotone_hears_of_validations(callback):
    module, average = Network(), NonMonotone(1)
    losses = iter([3.0, 2.0, 1.0, 5.0, 4.0, 4.0])
    told = callback(lambda: next(losses), every=1)
    Trainer(module, loss, drawn(), sgd(module), average=average, callbacks=[told]).run(steps=6)
    assert average.losses == [3.0, 2.0, 1.0, 5.0, 4.0, 4.0]
    assert average.count == 2  # updates 5 and 6


def total(module: Network) -> float:
    return module.head.weight.detach().sum().item()


def test_validation_sees_the_average_and_training_does_not():
    def run(average: Average | None) -> tuple[Network, list[float], Trainer]:
        module = Network()
        seen: list[float] = []
        validation = Validation(lambda: seen.append(total(module)) or 0.0, every=1)
        trainer = Trainer(module, loss, drawn(), sgd(module), average=average, callbacks=[validation])
        trainer.run(steps=4)
        return module, seen, trainer

    plain, weights, _ = run(None)
    averaged, means, trainer = run(MeanAverage())
    assert_same(dict(averaged.state_dict()), dict(plain.state_dict()))
    for step in range(4):
        assert means[step] == pytest.approx(sum(weights[: step + 1]) / (step + 1), abs=1e-5)
    with trainer.averaged():
        assert total(averaged) == means[-1]
    assert total(averaged) == weights[-1]
    trainer.average.install()
    assert total(averaged) == means[-1]


def test_training_has_its_weights_back_when_an_evaluation_fails():
    module = Network()
    trainer = Trainer(module, loss, drawn(), sgd(module), average=MeanAverage())
    trainer.run(steps=3)
    before = [parameter.clone() for parameter in module.parameters()]
    with pytest.raises(ZeroDivisionError):
        trainer.validate(lambda: 1 / 0)
    assert_same(list(module.parameters()), before)


def test_no_average_is_in_place_before_there_is_one():
    module = Network()
    trainer = Trainer(module, loss, drawn(), sgd(module), average=MeanAverage(start=10))
    trainer.run(steps=2)
    before = [parameter.clone() for parameter in module.parameters()]
    with trainer.averaged():
        assert_same(list(module.parameters()), before)
    trainer.average.install()
    assert_same(list(module.parameters()), before)


def test_evaluating_changes_nothing_about_a_training():
    def run(evaluates: bool) -> Network:
        module = Network()
        callbacks = [Validation(evaluation(module), every=1)] if evaluates else []
        Trainer(module, loss, drawn(), adam(module), callbacks=callbacks).run(steps=4)
        return module

    assert_same(dict(run(True).state_dict()), dict(run(False).state_dict()))


def test_an_average_of_two_trainers_is_refused():
    module, average = Network(), MeanAverage()
    Trainer(module, loss, drawn(), sgd(module), average=average)
    with pytest.raises(InputError, match="one trainer"):
        Trainer(module, loss, drawn(), sgd(module), average=average)


@pytest.mark.parametrize(
    "make",
    [lambda: ExponentialAverage(1.0), lambda: ExponentialAverage(-0.1), lambda: MeanAverage(0), lambda: NonMonotone(0)],
)
def test_what_is_no_average_is_refused(make):
    with pytest.raises(InputError):
        make()
