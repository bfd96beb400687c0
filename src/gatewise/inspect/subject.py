"""What is inspected: a model, one sequence, and the numbers that the model gave for it, with their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn

from ..errors import ShapeError
from .page.chart import Chart, Scores


@dataclass(frozen=True)
class Prediction:
    """One number that a model gave.

    Attributes:
        label: Which one it is, such as its time.
        value: The number in ``unit``, as people read it.
        unit: Its unit, if it has one.
        at: Its position among the times of the chart, if there is one.
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

    Attributes:
        title: What the page and the summary are headed with.
        model: A module that holds one recurrent layer, called as ``model(x)``; in eval mode.
        x: The input, a floating point tensor.
        of: From what the model returns to the K numbers, (K,), that are explained.
        predictions: The same K numbers, as people read them.
        steps: T labels, of the steps of the recurrent layer.
        inputs: I names.
        fed: (T, I), what is shown as fed in.
        explains: What ``of`` gives, in words, where that is not the value itself.
        about: Further facts, as pairs of label and value.
        credited: From credit of x, (K, *x.shape), to steps and inputs.
        chart: What was observed and forecast, if anything was.
        scores: Probabilities by label, if there are any.
        cells: (T, I) names of what is fed in, where they say more than step and input.
        shorter: What to do where the sequence is too long to be recorded.
        chosen: Which of the K numbers is shown first.
    """

    title: str
    model: nn.Module
    x: Tensor
    of: Callable[[Any], Tensor]
    predictions: tuple[Prediction, ...]
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
        """What one number that is fed in is called.

        Args:
            step: Its step, from 0.
            place: Its position among the inputs, from 0.

        Returns:
            Its name.
        """
        return self.cells[step][place] if self.cells else f"{self.steps[step]}: {self.inputs[place]}"
