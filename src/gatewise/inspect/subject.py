"""What is looked into: a model, what it was given, and what it said, in the words of those who gave it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn

from ..errors import ShapeError
from .page.chart import Chart, Scores


@dataclass(frozen=True)
class Said:
    """One number that the model gave. label: which one, such as its time. value: in ``unit``, as people read it.

    at: its position among the times of the chart, if there is one.
    """

    label: str
    value: float
    unit: str = ""
    at: int | None = None


class Credit(NamedTuple):
    """Shares of the numbers that went in: by_step (K, T, I), and what belongs to no step, (K,) by name."""

    by_step: Tensor
    lines: Mapping[str, Tensor]


def by_step(credit: Tensor) -> Credit:
    """The credit (K, T, 1, I) of an input that the recurrent layer reads as it is."""
    return Credit(credit[:, :, 0], {})


@dataclass(frozen=True)
class Subject:
    """A model and one sequence, K numbers that it gave for it, and what all of them are called.

    model: holds one recurrent layer, and is called as ``model(x)``; in eval mode. x: a floating point tensor. of: from
    what the model returns to the K numbers, (K,), that are explained. said: the same K, as people read them; explains:
    what ``of`` gives, in words, where that is not the value itself. steps: T labels, of the steps of the recurrent
    layer. inputs: I names. fed: (T, I), what is shown as fed in. credited: from credit of x, (K, *x.shape), to steps.
    cells: (T, I) names of what is fed in, where they say more than step and input. shorter: what to do where the
    sequence is too long to be recorded. chosen: which of the K is looked at first.
    """

    title: str
    model: nn.Module
    x: Tensor
    of: Callable[[Any], Tensor]
    said: tuple[Said, ...]
    steps: tuple[str, ...]
    inputs: tuple[str, ...]
    fed: Tensor
    explains: str = ""
    about: tuple[tuple[str, str], ...] = ()
    credited: Callable[[Tensor], Credit] = by_step
    chart: Chart | None = None
    scores: Scores | None = None
    cells: tuple[tuple[str, ...], ...] = ()
    shorter: str = ""
    chosen: int = 0

    def __post_init__(self) -> None:
        shape = (len(self.steps), len(self.inputs))
        if tuple(self.fed.shape) != shape:
            raise ShapeError(f"what is fed in is {tuple(self.fed.shape)}", hint=f"steps and inputs have {shape}")

    def named(self, step: int, place: int) -> str:
        """What one number that is fed in is called."""
        return self.cells[step][place] if self.cells else f"{self.steps[step]}: {self.inputs[place]}"
