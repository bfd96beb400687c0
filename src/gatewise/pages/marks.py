"""The marks of a chart: lines, areas, bars, what tells one series from another, and the fan of a forecast."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .axes import Scale
from .figure import COLOURS, SHAPES, Floats, Path

_MOST_BUCKETS = 400


def series(number: int) -> str:
    """The CSS class that gives a series of this number its colour; after six they come again."""
    return f"series-{number % COLOURS}"


def shape(number: int) -> str:
    """The shape of the dots of a series of this number: with four shapes, six colours tell twelve series apart."""
    return SHAPES[number % len(SHAPES)]


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


def bars(left: Floats, right: Floats, tops: Floats, style: str) -> Path:
    """Bars that stand on the lower edge of the frame. left, right, tops: of each, in percent."""
    edges = zip((10 * left).tolist(), (10 * right).tolist(), (10 * tops).tolist(), strict=True)
    return Path("".join(f"M{a:.1f} 1000V{y:.1f}H{b:.1f}V1000Z" for a, b, y in edges), style)


def fan(
    past: Floats, median: Floats, intervals: Iterable[tuple[Floats, Floats]], across: Scale, up: Scale, first: int = 0
) -> tuple[Path, ...]:
    """A forecast beside the past that it continues: intervals, the widest first, then what was observed, the median.

    past: from position ``first`` of the scale on. median, and each (low, high): (F,), joined to the last observation.
    """
    last = first + len(past) - 1
    behind = across(np.arange(first, last + 1))
    ahead = across(np.arange(max(last, first), last + len(median) + 1))

    def joined(values: Floats) -> Floats:
        return up(np.concatenate([past[-1:], values]))

    bands = [area(ahead, joined(low), joined(high), "band") for low, high in intervals]
    return (*bands, line(behind, up(past), "truth"), line(ahead, joined(median), "forecast"))


def strip(values: Floats, start: int, across: Scale, up: Scale) -> tuple[Path, ...]:
    """A whole past as a thin line, with the part from ``start`` on shaded."""
    left, rows = 10 * float(across(start)), thinned(values)
    return Path(f"M{left:.1f} 0H1000V1000H{left:.1f}Z", "window"), line(across(rows), up(values[rows]), "truth")


def stretch(length: int, horizon: int, season: int = 1) -> int:
    """How many of ``length`` observations to draw beside a forecast of ``horizon`` steps, so that it is seen well."""
    enough = max(4 * horizon, 3 * season, 48)
    return length if enough > 0.8 * length else enough


def thinned(values: Floats) -> NDArray[np.intp]:
    """Positions that keep the shape of a long line: the lowest and the highest of each bucket.

    values: (T,), NaN where missing.
    """
    if len(values) <= 4 * _MOST_BUCKETS:
        return np.arange(len(values))
    missing = np.isnan(values)
    low, high = np.where(missing, np.inf, values), np.where(missing, -np.inf, values)
    buckets = np.array_split(np.arange(len(values)), _MOST_BUCKETS)
    extremes = [bucket[[low[bucket].argmin(), high[bucket].argmax()]] for bucket in buckets]
    return np.unique(np.concatenate(extremes))
