"""What a comparison asks of a task, whatever it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from torch import Tensor, nn

from ...training import Source
from ..bodies import Body
from .measure import Floats, Measure

Part = Literal["learn", "all"]
"""What a training may see: all but validation and test, or all but the test."""

MakeBody = Callable[[int], Body]
"""A body that reads so many numbers at each step."""


@dataclass(frozen=True)
class Floor:
    """What can be said without a network. name: in words. scores: of each test item, (N,)."""

    name: str
    scores: Floats


class Stepwise(NamedTuple):
    """What of a network runs step by step: the body, and what makes an answer of its output."""

    body: Body
    head: nn.Module


class Task(Protocol):
    """Data, split once for all models, and what is to be learned of them.

    Attributes:
        name: The word of ``--task``.
        source: What the data are called.
        measure: What models are compared by.
        about: Sentences on the data and how they are split.
        width: I, how many numbers a body reads at each step.
        longest: Steps of the longest sequence that a body reads.
        items: N, how many items the test has.
    """

    name: str
    source: str
    measure: Measure
    about: tuple[str, ...]
    width: int
    longest: int
    items: int

    def network(self, make: MakeBody) -> nn.Module:
        """An untrained network around a body, with weights from torch's generator."""
        ...

    def stepwise(self, network: nn.Module) -> Stepwise:
        """The parts of a network that run step by step."""
        ...

    def batches(self, part: Part, seed: int) -> Source:
        """Batches to learn from, in an order that follows from the seed alone."""
        ...

    def loss(self, network: nn.Module, batch: Any) -> Tensor:
        """What training makes small."""
        ...

    def validation(self, network: nn.Module) -> float:
        """The loss on what is held out to choose a learning rate by."""
        ...

    def scores(self, network: nn.Module) -> Floats:
        """The figure of each test item, (N,)."""
        ...

    def floors(self) -> list[Floor]:
        """What the networks have to be better than."""
        ...
