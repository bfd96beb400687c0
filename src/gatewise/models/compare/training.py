"""One training of a comparison: the same course for every model, ended by a clock or by a number of updates."""

from __future__ import annotations

import sys
import time
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import nn

from ...training.schedule import Schedule
from ...training.stability import DivergedError
from ...training.timed import train
from ..network_estimator import seeded
from ..sequence.network import WEIGHT_DECAY
from .contestants import Contestant, Size
from .task import Part, Task

RATES = (5e-4, 2e-3, 8e-3)
"""Peaks of the one-cycle learning rate; every model is trained with each."""
FIRST_UPDATES = 3
"""Made with a copy before each training, while no clock runs."""


@dataclass(frozen=True)
class Limit:
    """When every training ends: after so many seconds, or so many updates; one of them is None."""

    seconds: float | None = None
    updates: int | None = None

    def schedule(self, rate: float) -> Schedule:
        """The course of a training with this peak of its learning rate."""
        steps = sys.maxsize if self.updates is None else self.updates
        return Schedule(steps, learning_rate=rate, weight_decay=WEIGHT_DECAY, seconds=self.seconds)


@dataclass(frozen=True)
class Run:
    """One training: wall-clock seconds, updates made, and whether it left the finite numbers before its end."""

    network: nn.Module
    seconds: float
    updates: int
    diverged: bool


@dataclass(frozen=True)
class Cost:
    """What a model takes: seconds of an update, and of answering validation and test."""

    update: float
    validation: float
    test: float


@dataclass(frozen=True)
class Entrant:
    """A kind of model with the size that it takes part with."""

    contestant: Contestant
    size: Size

    def network(self, task: Task, seed: int) -> nn.Module:
        """An untrained network."""
        with seeded(seed):
            return self.contestant.network(task, self.size)

    def trained(self, task: Task, part: Part, rate: float, seed: int, limit: Limit) -> Run:
        """A network trained on a part of the data; after a divergence it has the weights from before it."""
        network, source = self.network(task, seed), task.batches(part, seed)
        _first_calls(task, network, part)
        begun = time.monotonic()
        try:
            updates = train(network, task.loss, source, limit.schedule(rate), seed=seed).steps
        except DivergedError:
            return Run(network.eval(), time.monotonic() - begun, 0, True)
        return Run(network, time.monotonic() - begun, updates, False)

    def cost(self, task: Task) -> Cost:
        """Timed with a network of its own, after calls that have compiled whatever there is to compile."""
        network = self.network(task, 0)
        _first_calls(task, network, "all")
        task.validation(network)
        task.scores(network)
        begun = time.monotonic()
        train(network, task.loss, task.batches("all", 0), Schedule(FIRST_UPDATES))
        trained = time.monotonic()
        task.validation(network)
        validated = time.monotonic()
        task.scores(network)
        return Cost((trained - begun) / FIRST_UPDATES, validated - trained, time.monotonic() - validated)


def _first_calls(task: Task, network: nn.Module, part: Part) -> None:
    """Updates of a copy, so that no clock runs while kernels are compiled and memory is found."""
    with torch.random.fork_rng(devices=[]):
        train(deepcopy(network), task.loss, task.batches(part, 0), Schedule(FIRST_UPDATES))
