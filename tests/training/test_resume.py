"""A run that is interrupted after any step, and goes on from its state, ends as if it had not been: to the bit."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.optim import SGD, Adadelta, Adam, AdamW, Optimizer, RMSprop
from torch.optim import lr_scheduler as schedulers

from gatewise.training import (
    Carried,
    EarlyStopping,
    ExponentialAverage,
    MeanAverage,
    NonMonotone,
    Plateau,
    Progress,
    Trainer,
    Validation,
)

from ..matrix import every_pair
from .tasks import (
    Keeper,
    Network,
    adam,
    assert_same,
    drawn,
    evaluation,
    kept,
    loss,
    loss_with_state,
    sgd,
    shuffled,
    stretches,
)

TOTAL = 6
PRECISIONS = ("float32", "bfloat16", "float16")
AVERAGES = {
    "no average": lambda: None,
    "exponential": lambda: ExponentialAverage(0.8),
    "mean": lambda: MeanAverage(3),
    "non-monotone": lambda: NonMonotone(1),
}
SOURCES = {
    "drawn": (lambda: loss, drawn),
    "shuffled": (lambda: loss, shuffled),
    "stretches": (lambda: loss, stretches),
    "carried": (lambda: Carried(loss_with_state), stretches),
    "variable": (lambda: Carried(loss_with_state), lambda seed: stretches(seed, variable=True)),
}


def no_callbacks(module: nn.Module, optimizer: Optimizer, keeper: Keeper) -> list:
    return [keeper]


def evaluating_before(module: nn.Module, optimizer: Optimizer, keeper: Keeper) -> list:
    return [EarlyStopping(evaluation(module), every=1, patience=2), Progress(), keeper]


def evaluating_after(module: nn.Module, optimizer: Optimizer, keeper: Keeper) -> list:
    """The state is kept before the others have heard of the step."""
    reduce = schedulers.ReduceLROnPlateau(optimizer, patience=0)
    return [
        keeper,
        Validation(evaluation(module), every=2),
        Plateau(evaluation(module), reduce, every="epoch"),
        EarlyStopping(evaluation(module), every=1, patience=3),
    ]


CALLBACKS = {call.__name__: call for call in (no_callbacks, evaluating_before, evaluating_after)}


def trainer_of(source: str, precision: str, average: str, callbacks: Callable, seed: int) -> tuple[Trainer, Keeper]:
    """seed: of all that a resumed run must not depend on."""
    module, keeper = Network(seed), Keeper()
    optimizer = adam(module)
    make_loss, make_source = SOURCES[source]
    trainer = Trainer(
        module,
        make_loss(),
        make_source(seed),
        optimizer,
        schedule=schedulers.CosineAnnealingLR(optimizer, TOTAL),
        accumulate=2 if source == "shuffled" else 1,
        precision=precision,
        average=AVERAGES[average](),
        callbacks=callbacks(module, optimizer, keeper),
        seed=seed,
    )
    return trainer, keeper


@every_pair(source=SOURCES.keys(), precision=PRECISIONS, average=AVERAGES.keys(), callbacks=CALLBACKS)
def test_a_run_resumed_after_any_step_ends_the_same(source, precision, average, callbacks):
    whole, keeper = trainer_of(source, precision, average, callbacks, seed=0)
    ended = whole.run(steps=TOTAL)
    expected = kept(whole)
    assert len(keeper.states) == whole.step > 1
    for state in keeper.states:
        resumed, _ = trainer_of(source, precision, average, callbacks, seed=1)
        resumed.load_state_dict(state)
        again = resumed.run(steps=TOTAL)
        assert_same(kept(resumed), expected)
        assert (again.stopped, again.loss) == (ended.stopped, ended.loss)


@every_pair(source=SOURCES.keys(), callbacks=CALLBACKS)
def test_a_run_in_two_parts_ends_as_in_one(source, callbacks):
    whole, _ = trainer_of(source, "float32", "exponential", callbacks, seed=0)
    whole.run(steps=TOTAL)
    parts, _ = trainer_of(source, "float32", "exponential", callbacks, seed=0)
    for total in (2, 2, 3, TOTAL):
        ended = parts.run(steps=total)
        torch.rand(3)  # what others draw meanwhile is nothing to it
        if ended.stopped != "steps":
            break
    assert_same(kept(parts), kept(whole))


SCHEDULES = {
    "step": lambda optimizer: schedulers.StepLR(optimizer, 2),
    "milestones": lambda optimizer: schedulers.MultiStepLR(optimizer, [2, 5]),
    "one cycle": lambda optimizer: schedulers.OneCycleLR(optimizer, 0.1, total_steps=TOTAL),
    "restarts": lambda optimizer: schedulers.CosineAnnealingWarmRestarts(optimizer, 3),
    "lambda": lambda optimizer: schedulers.LambdaLR(optimizer, lambda step: 0.9**step),
    "warm-up": lambda optimizer: schedulers.SequentialLR(
        optimizer,
        [schedulers.LinearLR(optimizer, 0.1, total_iters=3), schedulers.CosineAnnealingLR(optimizer, 3)],
        milestones=[3],
    ),
}
OPTIMIZERS = {
    "sgd": lambda weights: SGD(weights, 0.1),
    "momentum": lambda weights: SGD(weights, 0.1, momentum=0.9, nesterov=True),
    "amsgrad": lambda weights: AdamW(weights, 0.1, amsgrad=True),
    "rmsprop": lambda weights: RMSprop(weights, 0.1, momentum=0.9, centered=True),
    "adadelta": lambda weights: Adadelta(weights),
    "groups": lambda weights: Adam([{"params": weights[:2], "lr": 0.3}, {"params": weights[2:]}]),
}


def has_what_the_schedule_needs(schedule, optimizer):
    return (schedule, optimizer) != ("one cycle", "adadelta")  # torch's OneCycleLR needs a momentum


@every_pair(has_what_the_schedule_needs, schedule=SCHEDULES.keys(), optimizer=OPTIMIZERS.keys())
def test_torchs_schedules_and_optimisers_resume(schedule, optimizer):
    def trainer(seed: int, keeper: Keeper) -> Trainer:
        module = Network(seed)
        descent = OPTIMIZERS[optimizer](list(module.parameters()))
        return Trainer(module, loss, drawn(seed), descent, schedule=SCHEDULES[schedule](descent), callbacks=[keeper])

    keeper = Keeper()
    whole = trainer(0, keeper)
    whole.run(steps=TOTAL)
    for state in keeper.states[1::3]:
        resumed = trainer(1, Keeper())
        resumed.load_state_dict(state)
        resumed.run(steps=TOTAL)
        assert_same(kept(resumed), kept(whole))
    rates = {state["optimizer"]["param_groups"][0]["lr"] for state in keeper.states}
    assert len(rates) > 1  # the schedule did something


def test_a_loaded_state_is_not_changed_by_training_on():
    trainer, _ = trainer_of("carried", "float32", "exponential", evaluating_after, seed=0)
    trainer.run(steps=3)
    state = kept(trainer)
    again, _ = trainer_of("carried", "float32", "exponential", evaluating_after, seed=1)
    again.load_state_dict(state)
    again.run(steps=TOTAL)
    assert_same(state, kept(trainer))


def test_a_stop_asked_for_in_the_step_that_was_saved_is_not_forgotten():
    class Stopper(Keeper):
        def after_step(self, trainer: Trainer) -> None:
            if trainer.step == 3:
                trainer.stop("enough")

    def trainer(keeper: Keeper) -> Trainer:
        module = Network()
        return Trainer(module, loss, drawn(), sgd(module), callbacks=[Stopper(), keeper])

    keeper = Keeper()
    trainer(keeper).run(steps=TOTAL)
    resumed = trainer(Keeper())
    resumed.load_state_dict(keeper.states[-1])
    ended = resumed.run(steps=TOTAL)
    assert (ended.steps, ended.stopped) == (3, "enough")
    assert resumed.run(steps=TOTAL).steps == TOTAL  # it held for that run only
