"""Small networks, losses and sources that the tests of training share."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

import gatewise.nn
from gatewise.training import Callback, Drawn, Shuffled, Stretches, Trainer
from gatewise.training.state_codec import flatten, rebuild

STEPS, ROWS, INPUTS, UNITS = 5, 4, 3, 4


class Network(nn.Module):
    """An LSTM with dropout and a buffer that every training batch changes."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.lstm = gatewise.nn.LSTM(INPUTS, UNITS)
            self.dropout = nn.Dropout(0.3)
            self.norm = nn.BatchNorm1d(UNITS)
            self.head = nn.Linear(UNITS, INPUTS)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        y, state = self.lstm(x, state)
        return self.head(self.norm(self.dropout(y).transpose(1, 2)).transpose(1, 2)), state


def series(length: int = 200) -> Tensor:
    """(length, INPUTS)"""
    return torch.randn(length, INPUTS, generator=torch.Generator().manual_seed(3)).cumsum(0).sin()


def loss_with_state(module: nn.Module, batch: Any, state: Any) -> tuple[Tensor, Any]:
    predicted, state = module(batch[0], state)
    return (predicted - batch[1]).square().mean(), state


def loss(module: nn.Module, batch: Any) -> Tensor:
    return loss_with_state(module, batch, None)[0]


def drawn(seed: int = 0) -> Drawn:
    def draw(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x = torch.randn(STEPS, ROWS, INPUTS, generator=generator)
        return x, x.roll(1, 0)

    return Drawn(draw, seed=seed, per_epoch=3)


def shuffled(seed: int = 0) -> Shuffled:
    windows = series(11 * STEPS).view(11, STEPS, INPUTS)
    samples = [(window, window.roll(-1, 0)) for window in windows]
    return Shuffled(
        samples, ROWS, seed=seed, collate=lambda rows: [torch.stack(part, 1) for part in zip(*rows, strict=True)]
    )


def stretches(seed: int = 0, *, variable: bool = False) -> Stretches:
    return Stretches(series(ROWS * 17), ROWS, STEPS, variable=variable, seed=seed)


def sgd(module: nn.Module) -> torch.optim.SGD:
    return torch.optim.SGD(module.parameters(), lr=0.1)


def adam(module: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam(module.parameters(), lr=0.02)


class Keeper(Callback):
    """Keeps the trainer's state after every step, as a checkpoint would."""

    def __init__(self) -> None:
        self.states: list[Any] = []

    def after_step(self, trainer: Trainer) -> None:
        self.states.append(kept(trainer))


def kept(trainer: Trainer) -> Any:
    """The trainer's state as it comes back from a file."""
    return rebuild(*flatten(deepcopy(trainer.state_dict())))


def assert_same(found: Any, expected: Any, where: str = "state") -> None:
    """Nests that are equal to the bit."""
    if isinstance(expected, dict):
        assert list(found) == list(expected), where
        for key in expected:
            assert_same(found[key], expected[key], f"{where}[{key!r}]")
    elif isinstance(expected, list | tuple):
        assert type(found) is type(expected), where
        assert len(found) == len(expected), where
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_same(one, other, f"{where}[{index}]")
    elif isinstance(expected, Tensor):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape), where
        assert torch.equal(*(tensor.reshape(-1).view(torch.uint8) for tensor in (found, expected))), where
    else:
        assert found == expected or (found != found and expected != expected), where


def evaluation(module: nn.Module) -> Callable[[], float]:
    """A held-out loss that draws random numbers while it is at it."""
    x = series(STEPS * 3).view(STEPS, 3, INPUTS)

    def evaluate() -> float:
        assert not module.training
        return float((module(x + 0.01 * torch.rand(()))[0] - x).square().mean())

    return evaluate
