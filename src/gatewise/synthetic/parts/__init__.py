"""What families are put together from: trends, seasons, noises, and filters of noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..batch import Floats, Frame


@dataclass(frozen=True)
class Part:
    """One kind of trend, season or noise: how often it is taken, and how it is made."""

    weight: float
    make: Callable[[Frame], Floats]
