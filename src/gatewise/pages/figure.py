"""A chart as plain data, in percent of its frame; ``templates/figure.svg.j2`` draws it at any width.

Lines live in a stretched square of 1000 x 1000, everything else is placed by percent, so that one drawing fits a
telephone and a desk without scaling its text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis; ``minor`` ones are left out on narrow screens."""

    at: float
    text: str
    minor: bool = False


@dataclass(frozen=True)
class Path:
    """A line or an area; ``style`` is its CSS class, ``d`` the path in the 1000 x 1000 square."""

    d: str
    style: str


@dataclass(frozen=True)
class Dot:
    """A marker; ``shape`` is one of circle, square, diamond, triangle."""

    x: float
    y: float
    style: str
    shape: str = "circle"


@dataclass(frozen=True)
class Rule:
    """A straight line through the whole frame at ``at`` percent, down (``x``) or across (``y``)."""

    at: float
    axis: str = "x"
    text: str = ""


@dataclass(frozen=True)
class Zone:
    """An invisible column that names its values when pointed at."""

    x: float
    width: float
    tip: str


@dataclass(frozen=True)
class Key:
    """One entry of a legend: ``kind`` is line, area or the shape of a dot."""

    style: str
    text: str
    kind: str = "line"


@dataclass(frozen=True)
class Figure:
    """A chart: words for those who cannot see it, axes, marks from back to front, legend."""

    title: str
    description: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    paths: tuple[Path, ...] = ()
    dots: tuple[Dot, ...] = ()
    rules: tuple[Rule, ...] = ()
    zones: tuple[Zone, ...] = ()
    legend: tuple[Key, ...] = ()
    height: int = 260

    @property
    def gutter(self) -> int:
        """Letters in the longest label left of the frame."""
        return max((len(tick.text) for tick in self.y_ticks), default=0)


@dataclass(frozen=True)
class Scale:
    """A linear map from ``low .. high`` to percent of the frame; ``rising`` upward, where 0 percent is the top."""

    low: float
    high: float
    rising: bool = False

    def __call__(self, values: ArrayLike) -> Floats:
        """Percent of the frame for each value, same shape."""
        share = (np.asarray(values, dtype=float) - self.low) / (self.high - self.low)
        return 100 * (1 - share if self.rising else share)


def value_scale(parts: Iterable[ArrayLike], *, floor: float | None = None) -> Scale:
    """A rising scale that holds every finite value of the parts with air around; ``floor`` fixes its low end."""
    flat = np.concatenate([np.ravel(np.asarray(part, dtype=float)) for part in parts])
    flat = flat[np.isfinite(flat)]
    low, high = (float(flat.min()), float(flat.max())) if len(flat) else (0.0, 1.0)
    low = low if floor is None else floor
    air = 0.06 * (high - low) or abs(high) or 1.0
    return Scale(low - air if floor is None else floor, high + air, rising=True)


def line(x: Floats, y: Floats, style: str) -> Path:
    """A line through the points, given in percent; a NaN breaks it."""
    return Path(_walk(x, y), style)


def area(x: Floats, low: Floats, high: Floats, style: str) -> Path:
    """The area between two lines over the same x, in percent."""
    there_and_back = np.concatenate([x, x[::-1]]), np.concatenate([high, low[::-1]])
    return Path(_walk(*there_and_back) + "Z", style)


def _walk(x: Floats, y: Floats) -> str:
    words: list[str] = []
    pen = "M"
    for across, down in zip((10 * x).tolist(), (10 * y).tolist(), strict=True):
        if np.isfinite(down):
            words.append(f"{pen}{across:.1f} {down:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(words)
