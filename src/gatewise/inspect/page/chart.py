"""Charts of a page, and the arrays they are made of.

What stands beside the memory: what was observed and what the model makes of it, as plain data.

N observed values, F forecast ones, K labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ShapeError

Floats = NDArray[np.float32]


def floats(values: ArrayLike, shape: tuple[int | None, ...], what: str) -> Floats:
    """The values in float32. shape: None where any size will do. Raises ShapeError naming ``what``."""
    array = np.asarray(values, dtype=np.float32)
    fits = array.ndim == len(shape) and all(
        size in (None, found) for found, size in zip(array.shape, shape, strict=True)
    )
    if not fits:
        sizes = ", ".join("any" if size is None else str(size) for size in shape)
        raise ShapeError(f"{what} has shape {array.shape}", hint=f"give it shape ({sizes})")
    return array


@dataclass(frozen=True)
class Interval:
    """Where the truth should lie in ``level`` percent of cases. low, high: (F,)."""

    level: float
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Chart:
    """What was observed and what is expected. times: N + F labels. observed: (N,). median: (F,).

    first: the position among the times of the page's first step, which covers ``every`` of them, as all do.
    """

    name: str
    times: tuple[str, ...]
    observed: Floats
    median: Floats
    intervals: tuple[Interval, ...] = ()
    first: int = 0
    every: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "observed", floats(self.observed, (None,), "what was observed"))
        ahead = len(self.times) - len(self.observed)
        for what, numbers in [("the median", self.median)] + [
            (f"the {interval.level:g} % interval", bound)
            for interval in self.intervals
            for bound in (interval.low, interval.high)
        ]:
            floats(numbers, (ahead,), what)


@dataclass(frozen=True)
class Scores:
    """A few labels with a number each: probabilities of classes, or of the next character. numbers: (K,)."""

    title: str
    labels: tuple[str, ...]
    numbers: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", floats(self.numbers, (len(self.labels),), self.title))

    @property
    def lines(self) -> list[tuple[str, float]]:
        """Each label with its number."""
        return list(zip(self.labels, self.numbers.tolist(), strict=True))
