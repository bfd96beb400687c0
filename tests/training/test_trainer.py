"""The loop does what a loop written by hand does, says how it ended, and refuses what cannot be trained."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau, StepLR
from torch.utils.data import DataLoader

from gatewise.errors import InputError, ShapeError
from gatewise.training import (
    Callback,
    Carried,
    Drawn,
    EarlyStopping,
    MeanAverage,
    Plateau,
    Progress,
    Shuffled,
    Trainer,
    Validation,
)

from .tasks import Network, adam, assert_same, drawn, evaluation, kept, loss, loss_with_state, sgd, stretches


def trainer_of(module: nn.Module | None = None, **options) -> Trainer:
    module = module or Network()
    return Trainer(module, loss, drawn(), options.pop("optimizer", sgd)(module), **options)


def test_it_is_the_loop_that_one_writes_by_hand():
    """Truncated backpropagation, clipping, a cosine schedule, dropout: the same bits."""
    module, steps = Network(), 9
    optimizer = adam(module)
    schedule = CosineAnnealingLR(optimizer, steps)
    trainer = Trainer(module, Carried(loss_with_state), stretches(), optimizer, schedule=schedule, clip=0.1, seed=7)
    trainer.run(steps=steps)

    other, source, state = Network(), stretches(), None
    optimizer = adam(other)
    schedule = CosineAnnealingLR(optimizer, steps)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        for _ in range(steps):
            batch = source.next_batch()
            value, state = loss_with_state(other, batch, None if batch.starts else state)
            state = tuple(part.detach() for part in state)
            optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(other.parameters(), 0.1)
            optimizer.step()
            schedule.step()
    assert_same(dict(module.state_dict()), dict(other.state_dict()))
    assert trainer.last_loss == value.item()


def test_accumulated_batches_are_one_large_batch():
    """The mean of three gradients, and the mean of three losses."""
    inputs = torch.randn(24, 2, dtype=torch.float64)

    def run(rows: int, accumulate: int) -> tuple[nn.Linear, float]:
        module = nn.Linear(2, 1, dtype=torch.float64)
        nn.init.ones_(module.weight)
        nn.init.zeros_(module.bias)
        places = iter(range(0, 24, rows))
        source = Drawn(lambda generator: inputs[next(places) :][:rows])
        trainer = Trainer(
            module, lambda module, batch: module(batch).square().mean(), source, sgd(module), accumulate=accumulate
        )
        trainer.run(steps=2)
        return module, trainer.last_loss

    (small, of_small), (large, of_large) = run(4, 3), run(12, 1)
    torch.testing.assert_close(small.weight, large.weight, rtol=1e-12, atol=0)
    assert of_small == pytest.approx(of_large, rel=1e-12)


def test_a_batchs_rate_scales_the_learning_rate_of_its_update_only():
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    source = stretches(variable=True)
    rates: list[float] = []

    def weight(module: nn.Module, batch) -> Tensor:
        rates.append(batch.rate)
        return module.weight.sum()

    trainer = Trainer(module, weight, source, sgd(module), accumulate=2)
    trainer.run(steps=5)
    assert len(set(rates)) > 1
    assert module.weight.item() == pytest.approx(-0.1 * sum(rates) / 2, rel=1e-5)
    assert trainer.optimizer.param_groups[0]["lr"] == 0.1


def test_the_callers_generator_is_left_as_found_and_does_not_matter():
    states = []
    for caller in (1, 2):
        torch.manual_seed(caller)
        before = torch.random.get_rng_state()
        trainer = trainer_of(seed=5)
        trainer.run(steps=4)
        assert torch.equal(torch.random.get_rng_state(), before)
        states.append(kept(trainer))
    assert_same(states[0], states[1])
    other = trainer_of(seed=6)
    other.run(steps=4)
    assert not torch.equal(other.module.head.weight, trainer.module.head.weight)


def test_the_callers_generator_is_left_as_found_after_an_error():
    def fails(module: nn.Module, batch) -> Tensor:
        torch.rand(1)
        raise ZeroDivisionError

    module = Network()
    before = torch.random.get_rng_state()
    with pytest.raises(ZeroDivisionError):
        Trainer(module, fails, drawn(), sgd(module)).run(steps=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not module.training


@pytest.mark.parametrize(
    ("steps", "epochs", "ended"),
    [(5, None, (5, 1, "steps")), (None, 2, (6, 2, "epochs")), (4, 2, (4, 1, "steps")), (9, 2, (6, 2, "epochs"))],
)
def test_a_run_ends_at_the_first_total_it_reaches(steps, epochs, ended):
    trainer = trainer_of()
    found = trainer.run(steps, epochs)
    assert (found.steps, found.epochs, found.stopped) == ended
    assert (trainer.step, trainer.epoch, trainer.done) == (*ended[:2], 1.0)
    assert found.seconds > 0
    assert not trainer.module.training


def test_totals_count_earlier_runs():
    trainer = trainer_of()
    assert [trainer.run(steps=total).steps for total in (2, 2, 5, 3)] == [2, 2, 5, 5]


def test_the_loss_told_is_smoothed():
    losses: list[float] = []

    class Losses(Callback):
        def after_step(self, trainer: Trainer) -> None:
            losses.append(trainer.last_loss)

    ended = trainer_of(callbacks=[Losses()]).run(steps=4)
    smooth = losses[0]
    for value in losses[1:]:
        smooth = 0.95 * smooth + 0.05 * value
    assert ended.loss == pytest.approx(smooth, rel=1e-12)


def test_callbacks_are_told_in_order_and_can_end_the_run():
    told: list[tuple[str, str, int]] = []

    class Listening(Callback):
        def __init__(self, name: str) -> None:
            self.name = name

        @contextmanager
        def around_run(self, trainer: Trainer) -> Iterator[None]:
            told.append((self.name, "begin", trainer.step))
            yield
            told.append((self.name, "end", trainer.step))

        def after_step(self, trainer: Trainer) -> None:
            told.append((self.name, "step", trainer.step))
            if trainer.step == 3 and self.name == "a":
                trainer.stop("enough")

        def after_epoch(self, trainer: Trainer) -> None:
            told.append((self.name, "epoch", trainer.epoch))

    ended = trainer_of(callbacks=[Listening("a"), Listening("b")]).run(steps=10)
    steps = [(name, "step", step) for step in (1, 2, 3) for name in "ab"]
    frame = [("a", "begin", 0), ("b", "begin", 0)], [("b", "end", 3), ("a", "end", 3)]
    assert told == [*frame[0], *steps, ("a", "epoch", 1), ("b", "epoch", 1), *frame[1]]
    assert (ended.steps, ended.stopped) == (3, "enough")


def test_early_stopping_ends_the_run_and_leaves_the_best_weights():
    module = Network()
    figures = iter([5.0, 4.0, math.nan, 4.5, 4.0, 9.0])
    weights: list[Tensor] = []

    def evaluate() -> float:
        weights.append(module.head.weight.clone())
        return next(figures)

    stopping = EarlyStopping(evaluate, every=2, patience=3)
    trainer = trainer_of(module, callbacks=[stopping], average=MeanAverage())
    ended = trainer.run(steps=100)
    assert (ended.steps, ended.stopped) == (10, "no improvement in 3 validations")
    assert (stopping.best, stopping.validation.losses[-1]) == (4.0, 4.0)
    assert torch.equal(module.head.weight, weights[1])  # averaged, as it was evaluated


def test_early_stopping_leaves_the_best_weights_where_the_totals_end_the_run_too():
    module = Network()
    figures = iter([2.0, 1.0, 3.0, 0.5])
    weights: list[Tensor] = []

    def evaluate() -> float:
        weights.append(module.head.weight.clone())
        return next(figures)

    trainer = trainer_of(module, callbacks=[EarlyStopping(evaluate, patience=5)])
    trainer.run(epochs=3)
    assert torch.equal(module.head.weight, weights[1])
    trainer.run(epochs=4)
    straight = trainer_of(Network())
    straight.run(epochs=4)
    assert torch.equal(module.head.weight, weights[3])
    assert torch.equal(module.head.weight, straight.module.head.weight)  # it went on from the weights of training


def test_early_stopping_without_keep_best_leaves_the_last_weights():
    module, straight = Network(), Network()
    figures = iter([1.0, 2.0])
    trainer = trainer_of(module, callbacks=[EarlyStopping(lambda: next(figures), every=1, patience=1, keep_best=False)])
    trainer.run(steps=9)
    trainer_of(straight).run(steps=2)
    assert_same(dict(module.state_dict()), dict(straight.state_dict()))


def test_a_plateau_lowers_the_learning_rate():
    module = Network()
    optimizer = sgd(module)
    figures = iter([3.0, 2.0, 2.5, 2.5, 2.5])
    plateau = Plateau(lambda: next(figures), ReduceLROnPlateau(optimizer, factor=0.5, patience=1), every=1)
    rates: list[float] = []

    class Rates(Callback):
        def after_step(self, trainer: Trainer) -> None:
            rates.append(optimizer.param_groups[0]["lr"])

    Trainer(module, loss, drawn(), optimizer, callbacks=[plateau, Rates()]).run(steps=5)
    assert rates == [0.1, 0.1, 0.1, 0.05, 0.05]
    assert plateau.validation.losses == [3.0, 2.0, 2.5, 2.5, 2.5]


@pytest.mark.parametrize(("every", "count"), [(2, 3), ("epoch", 2)])
def test_validation_comes_every_so_often(every, count):
    module = Network()
    validation = Validation(evaluation(module), every=every)
    trainer_of(module, callbacks=[validation]).run(steps=7)
    assert len(validation.losses) == count


def test_progress_is_shown_on_a_terminal_only(monkeypatch, capsys):
    trainer_of(callbacks=[Progress()]).run(steps=3)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    trainer_of(callbacks=[Progress()]).run(steps=3)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "step 3, epoch 1, loss" in shown.err


def test_progress_goes_away_when_training_fails(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    module = Network()
    progress = Progress()
    trainer = Trainer(module, lambda module, batch: 1 / 0, drawn(), sgd(module), callbacks=[progress])
    for _ in range(2):  # rich shows one bar at a time
        with pytest.raises(ZeroDivisionError):
            trainer.run(steps=1)


def test_batches_of_a_data_set_train_a_network():
    x = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 3
    module = nn.Linear(3, 1)
    trainer = Trainer(
        module,
        lambda module, batch: (module(batch[0]) - batch[1]).square().mean(),
        Shuffled((x, y), 16),
        torch.optim.Adam(module.parameters(), lr=0.1),
    )
    assert trainer.run(epochs=60).loss < 1e-3


def test_what_cannot_be_trained_is_refused():
    module = Network()
    optimizer = sgd(module)
    other = sgd(Network())
    cases = {
        "does not have": {"optimizer": other},
        "Plateau": {"schedule": ReduceLROnPlateau(optimizer)},
        "another optimizer": {"schedule": StepLR(other, 1)},
        "clip": {"clip": 0.0},
        "not 'one'": {"clip": "one"},
        "accumulate": {"accumulate": 0},
        "not 1.5": {"accumulate": 1.5},
        "the optimizer is <class.*torch.optim.AdamW": {"optimizer": torch.optim.SGD},
        "callbacks holds <function": {"callbacks": [loss]},
        "callbacks is one of them": {"callbacks": Callback()},
        "precision": {"precision": "half"},
        "seed must be a whole number, not 'a'": {"seed": "a"},
        "seed must be a whole number, not True": {"seed": True},
    }
    for words, options in cases.items():
        with pytest.raises(InputError, match=f"(?s){words}"):
            Trainer(module, loss, drawn(), options.pop("optimizer", optimizer), **options)
    with pytest.raises(InputError, match=r"(?s)the module is <function.*Module"):
        Trainer(loss, loss, drawn(), optimizer)
    with pytest.raises(InputError, match=r"(?s)the loss is 3.*returns the mean loss"):
        Trainer(module, 3, drawn(), optimizer)


@pytest.mark.parametrize("source", [[(1, 2)], DataLoader([1, 2, 3])], ids=["a list", "a loader"])
def test_what_is_no_source_is_refused_and_told_what_is(source):
    module = Network()
    kind = type(source).__name__
    with pytest.raises(InputError, match=rf"(?s)the source is a {kind}, which has no epoch.*Shuffled\(data"):
        Trainer(module, loss, source, sgd(module))


def test_a_run_without_an_end_is_refused():
    with pytest.raises(InputError, match="needs an end"):
        trainer_of().run()
    with pytest.raises(InputError, match="epochs must be a whole number of at least 0, not -1"):
        trainer_of().run(epochs=-1)
    for total in (2.5, "3"):
        with pytest.raises(InputError, match=f"steps must be a whole number of at least 0, not {total!r}"):
            trainer_of().run(steps=total)
    module = Network()
    with pytest.raises(InputError, match="no epochs"):
        Trainer(module, loss, Drawn(lambda generator: None), sgd(module)).run(epochs=1)


def test_a_loss_that_is_no_number_is_refused():
    module = Network()
    trainer = Trainer(module, lambda module, batch: module(batch[0])[0], drawn(), sgd(module))
    with pytest.raises(ShapeError, match=r"one number, not a tensor of shape \(5, 4, 3\)"):
        trainer.run(steps=1)


@pytest.mark.parametrize(
    ("change", "says"), [("item", "a float, not a tensor.*item"), ("detach", "no weight that learns")]
)
def test_a_loss_that_cannot_be_learned_from_is_refused(change, says):
    module = Network()
    trainer = Trainer(module, lambda module, batch: getattr(loss(module, batch), change)(), drawn(), sgd(module))
    with pytest.raises(InputError, match=f"(?s){says}"):
        trainer.run(steps=1)


@pytest.mark.parametrize("every", [0, -1, "epochs", None, 1.5])
def test_a_time_that_never_comes_is_refused(every):
    with pytest.raises(InputError, match="every"):
        Validation(lambda: 0.0, every=every)


def test_patience_is_at_least_one():
    with pytest.raises(InputError, match="patience"):
        EarlyStopping(lambda: 0.0, patience=0)


def test_the_state_of_another_kind_of_trainer_is_refused():
    plain = trainer_of()
    cases = {
        "has a part 'average'": {"average": MeanAverage()},
        "has a part 'scaler'": {"precision": "float16"},
        "callbacks": {"callbacks": [Progress()]},
    }
    for words, options in cases.items():
        special = trainer_of(**options)
        before = kept(plain)
        with pytest.raises(InputError, match=words):
            plain.load_state_dict(special.state_dict())
        with pytest.raises(InputError, match=words):
            special.load_state_dict(plain.state_dict())
        assert_same(kept(plain), before)
    with pytest.raises(InputError, match=r"(?s)the state is of type NoneType.*state_dict\(\)"):
        plain.load_state_dict(None)
    with pytest.raises(InputError, match="source missing"):
        plain.load_state_dict({key: part for key, part in plain.state_dict().items() if key != "source"})


def test_importing_gatewise_does_not_import_the_loop():
    import subprocess

    words = "import sys, gatewise; print([name for name in sys.modules if name.startswith('gatewise.training')])"
    assert subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout == "[]\n"
