"""The training of forecasting networks: it learns, repeats itself, keeps time, and stops with one clear error."""

from __future__ import annotations

import time

import pytest
import torch
from torch import Tensor, nn

from gatewise.models.forecast.network.training import train
from gatewise.training import DivergedError
from gatewise.training.schedule import Schedule, one_cycle


def line(seed: int = 0) -> tuple[nn.Linear, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(64, 3, generator=generator)
    module = nn.Linear(3, 1)
    with torch.no_grad():
        module.weight.copy_(torch.randn(1, 3, generator=generator))
    return module, inputs, inputs @ torch.tensor([[1.0], [-2.0], [0.5]]) + 3


def run(schedule: Schedule, *, seed: int = 0) -> tuple[nn.Linear, float]:
    module, inputs, targets = line()
    nn.init.zeros_(module.bias)

    def loss() -> Tensor:
        rows = torch.randint(64, (16,))
        return (module(inputs[rows]) - targets[rows]).square().mean()

    return module, train(module, loss, schedule, seed=seed).loss


def test_learns_a_line() -> None:
    module, loss = run(Schedule(400, learning_rate=0.1, weight_decay=0.0))
    assert loss < 1e-3
    torch.testing.assert_close(module.bias, torch.tensor([3.0]), rtol=0, atol=0.05)
    assert not module.training


def test_seed_governs_the_run() -> None:
    first, again, other = (run(Schedule(20), seed=seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first.weight, again.weight)
    assert not torch.equal(first.weight, other.weight)


def test_global_generator_is_left_as_found() -> None:
    module, inputs, _ = line()
    before = torch.random.get_rng_state()
    train(module, lambda: module(inputs + torch.rand(64, 3)).square().mean(), Schedule(3), seed=5)
    assert torch.equal(before, torch.random.get_rng_state())


def test_time_bounds_the_run() -> None:
    begun = time.monotonic()
    run(Schedule(10**9, seconds=0.2))
    assert time.monotonic() - begun < 2


def test_at_least_one_step() -> None:
    module, inputs, targets = line()
    ended = train(module, lambda: (module(inputs) - targets).square().mean(), Schedule(5, seconds=1e-9))
    assert ended.steps == 1


def test_progress_is_told_each_step() -> None:
    module, inputs, targets = line()
    heard: list[float] = []
    train(
        module,
        lambda: (module(inputs) - targets).square().mean(),
        Schedule(5),
        progress=lambda done, words: heard.append(done),
    )
    assert heard == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_loss_that_is_not_finite_stops_the_run(bad: float) -> None:
    module, inputs, _ = line()
    with pytest.raises(DivergedError, match="step 1"):
        train(module, lambda: module(inputs).mean() * bad, Schedule(5))


def test_the_weights_are_the_mean_over_the_later_half() -> None:
    module = nn.Linear(1, 1, bias=False)
    seen: list[float] = []
    train(
        module,
        lambda: module.weight.sum(),
        Schedule(6, weight_decay=0.0),
        progress=lambda done, words: seen.append(module.weight.item()),
    )
    assert module.weight.item() == pytest.approx(sum(seen[3:]) / 3)


def test_one_cycle_rises_to_its_peak_and_falls_to_nearly_nothing() -> None:
    assert one_cycle(0.0, 0.3) == pytest.approx(1 / 25)
    assert one_cycle(0.3, 0.3) == pytest.approx(1.0)
    assert one_cycle(1.0, 0.3) == pytest.approx(1e-4)


def test_one_cycle_is_torchs() -> None:
    """Same two phases as torch.optim.lr_scheduler.OneCycleLR; torch's last step is our done = 1."""
    steps = 101
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=steps, pct_start=0.31, final_div_factor=1e4 / 25
    )
    for step in range(steps - 1):
        done = step / (steps - 1)
        rise = (0.31 * steps - 1) / (steps - 1)
        assert one_cycle(done, rise) == pytest.approx(theirs.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        theirs.step()
