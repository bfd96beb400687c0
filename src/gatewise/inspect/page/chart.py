"""What a page shows beside the memory: what was observed and what the model makes of it, as data and as pictures.

N observed values, F forecast ones, K labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ShapeError
from ...pages.axes import Scale, number_ticks, text_ticks, value_scale
from ...pages.figure import Figure, Key
from ...pages.marks import fan, stretch, strip
from ...words import listed

Floats = NDArray[np.float32]


def floats(values: ArrayLike, shape: tuple[int | None, ...], what: str) -> Floats:
    """The values in float32. shape: None where any size will do. Raises ShapeError naming ``what``."""
    array = np.asarray(values, dtype=np.float32)
    fits = array.ndim == len(shape) and all(
        expected in (None, size) for size, expected in zip(array.shape, shape, strict=True)
    )
    if not fits:
        sizes = ", ".join("any" if size is None else str(size) for size in shape)
        raise ShapeError(f"{what} has shape {array.shape}", hint=f"give it shape ({sizes})")
    return array


@dataclass(frozen=True)
class PredictionInterval:
    """Where the truth should lie in ``level`` percent of cases. low, high: (F,)."""

    level: float
    low: Floats
    high: Floats


class Picture(NamedTuple):
    """A figure and its scales, so that a position can be marked in it, or read from it, later."""

    figure: Figure
    across: Scale
    up: Scale


@dataclass(frozen=True)
class Chart:
    """What was observed and what is expected. times: N + F labels. observed: (N,). median: (F,).

    first: the position among the times of the page's first step, which covers ``every`` of them, as all do.
    """

    name: str
    times: tuple[str, ...]
    observed: Floats
    median: Floats
    intervals: tuple[PredictionInterval, ...] = ()
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

    def pictures(self) -> Iterator[Picture]:
        """The forecast beside the last stretch of the past; then the whole past, if that is longer."""
        seen, ahead = len(self.observed), len(self.times) - len(self.observed)
        first = seen - stretch(seen, ahead)
        past = self.observed[first:].astype(float)
        bands = sorted(self.intervals, key=lambda interval: -interval.level)
        bounds = [(np.asarray(band.low, float), np.asarray(band.high, float)) for band in bands]
        median = np.asarray(self.median, float)
        across = position_scale(first, len(self.times) - first)
        up = value_scale([past, median, *(bound for pair in bounds for bound in pair)])
        figure = Figure(
            title=f"{self.name}: observed and forecast",
            description=f"The last {seen - first} of {seen} observed values, and {ahead} forecast ones.",
            x_ticks=text_ticks(self.times, across, first),
            y_ticks=number_ticks(up),
            paths=fan(past, median, bounds, across, up, first),
            legend=self._legend(),
        )
        yield Picture(figure, across, up)
        if first:
            yield self._past(first)

    def _past(self, first: int) -> Picture:
        values = self.observed.astype(float)
        across, up = position_scale(0, len(values)), value_scale([values])
        figure = Figure(
            title=f"{self.name}: all that was observed",
            description="The shaded end is enlarged in the chart of the forecast.",
            x_ticks=text_ticks(self.times[: len(values)], across),
            y_ticks=(),
            paths=strip(values, first, across, up),
            height=64,
        )
        return Picture(figure, across, up)

    def _legend(self) -> tuple[Key, ...]:
        levels = listed([f"{level:g} %" for level in sorted(interval.level for interval in self.intervals)])
        words = f"{levels} {'intervals' if len(self.intervals) > 1 else 'interval'}"
        band = (Key("band", words, "area"),) if self.intervals else ()
        return Key("truth", self.name), Key("forecast", "forecast, median"), *band


def position_scale(first: int, count: int) -> Scale:
    """The scale of ``count`` positions from ``first`` on, the outermost at the edges of the frame."""
    return Scale(first, first + max(count - 1, 1))


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
