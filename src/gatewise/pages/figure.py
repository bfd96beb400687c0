"""A chart as plain data, in percent of its frame; ``templates/figure.svg.j2`` draws it at any width.

Lines live in a stretched square of 1000 x 1000, everything else is placed by percent, so that one drawing fits a
telephone and a desk without scaling its text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHAPES = ("circle", "square", "diamond", "triangle")
COLOURS = 6  # classes ``series-0`` to ``series-5`` of ``chart.css``


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
    """A marker; ``shape`` is one of `SHAPES`, ``tip`` what it says when pointed at, ``size`` how much larger it is."""

    x: float
    y: float
    style: str
    shape: str = "circle"
    tip: str = ""
    size: float = 1.0


@dataclass(frozen=True)
class Rule:
    """A vertical line through the whole frame at ``at`` percent of its width."""

    at: float
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
    """A chart: words for those who cannot see it, axes, marks from back to front, legend.

    height: of the frame, in pixels. upright_grid: lines at the labels of the horizontal axis too.
    """

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
    upright_grid: bool = False

    @property
    def gutter(self) -> int:
        """Letters in the longest label left of the frame."""
        return max((len(tick.text) for tick in self.y_ticks), default=0)
