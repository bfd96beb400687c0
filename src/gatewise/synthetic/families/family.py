"""What a family of series is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..batch import Floats, Frame


@dataclass(frozen=True)
class Family:
    """A way to draw series.

    Attributes:
        name: As it stands in batches and pages.
        weight: Its share of a mixture, relative to the others'.
        about: What it draws, a few words.
        source: The paper or program that it follows.
        make: Draws finite values of shape (B, T), of any scale, for a frame.
        anchored: Whether zero has a meaning: such series are neither moved nor turned upside down.
    """

    name: str
    weight: float
    about: str
    source: str
    make: Callable[[Frame], Floats]
    anchored: bool = False
