"""What a comparison asks of a task, whatever it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from torch import Tensor, nn

from ...training import Source
from ..bodies import Body
from ..translation.coder import EncoderDecoder
from .measure import Floats, Measure

Part = Literal["learn", "all"]
"""What a training may see: all but validation and test, or all but the test."""

Around = Literal["body", "translator"]
"""What the networks of a task are built around: what reads steps, or an encoder-decoder."""

MakeBody = Callable[[int], Body]
"""A body that reads so many numbers at each step."""


class Units(NamedTuple):
    """How many units each vocabulary has; ``target`` None where both sides share one."""

    source: int
    target: int | None


MakeTranslator = Callable[[Units], EncoderDecoder]
"""An encoder-decoder from one vocabulary to another."""


@dataclass(frozen=True)
class Floor:
    """What can be said without a network. name: in words. scores: of each test item, (N,)."""

    name: str
    scores: Floats


@dataclass(frozen=True)
class Course:
    """What is said of how every model reads and runs, and how many parameters each has if nobody says."""

    reading: str = "all read forwards only"
    steps: str = "cells by gatewise.stream, others by PyTorch with what they keep"
    parameters: int = 20_000


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
        around: What its networks are built around.
        course: What is said of all models.
    """

    name: str
    source: str
    measure: Measure
    about: tuple[str, ...]
    width: int
    longest: int
    items: int
    around: Around
    course: Course

    def network(self, make: Callable[[Any], Any]) -> nn.Module:
        """An untrained network around what `MakeBody` or `MakeTranslator` makes; weights from torch's generator."""
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
