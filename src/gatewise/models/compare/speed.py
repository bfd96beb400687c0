"""How fast a network is: step by step on its own, and many items at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import cached

from ...nn.chain import Chain
from ...nn.stream import stream
from .task import Stepwise, Task

Stepper = Callable[[Tensor], Tensor]
"""The answer after the next step x (1, I), whose state it keeps."""

_FEWEST, _MOST, _SECONDS = 1000, 20_000, 0.5
"""Steps that are timed at least and at most, and for how long."""
_WARM_UP, _LONGEST = 20, 1000
"""Steps before those that are timed, and of a sequence at most."""


@dataclass(frozen=True)
class Speed:
    """Of one untrained network on one thread.

    Attributes:
        median: Microseconds of a step, the median.
        p99: Microseconds that 99 % of steps stay below.
        items: Test items a second, answered together.
    """

    median: float
    p99: float
    items: float


def streamed(parts: Stepwise) -> Stepper:
    """By `gatewise.stream`, for a body that can be part of a chain."""
    assert isinstance(parts.body, nn.Module)
    return stream(Chain(parts.body, parts.head)).step


def carried(parts: Stepwise) -> Stepper:
    """By calls of the body with the state that the call before returned."""
    state = None

    @torch.inference_mode()
    def step(x: Tensor) -> Tensor:
        nonlocal state
        y, state = parts.body(x[None], state)
        return parts.head(y[0])

    return step


def measured(begin: Callable[[], Stepper], inputs: int, task: Task, network: nn.Module) -> Speed:
    """Time steps of sequences as long as the task's longest, and one answer to the whole test.

    begin: a stepper at the beginning of a sequence. inputs: numbers of a step.
    """
    taken: list[int] = []
    with cached():  # weights that training computes from others are computed once, as in use
        _of_sequence(begin(), inputs, min(_WARM_UP, task.longest))
        ends = time.perf_counter() + _SECONDS
        while len(taken) < _FEWEST or (len(taken) < _MOST and time.perf_counter() < ends):
            taken += _of_sequence(begin(), inputs, min(_LONGEST, task.longest))
    begun = time.perf_counter()
    task.scores(network)
    items = task.items / (time.perf_counter() - begun)
    return Speed(float(np.median(taken)) / 1e3, float(np.percentile(taken, 99)) / 1e3, items)


def _of_sequence(step: Stepper, inputs: int, length: int) -> list[int]:
    """Nanoseconds of each step of one sequence."""
    taken: list[int] = []
    for x in [torch.ones(1, inputs) for _ in range(length)]:  # the time of a step does not depend on numbers
        begun = time.perf_counter_ns()
        step(x)
        taken.append(time.perf_counter_ns() - begun)
    return taken
