"""Shapes that a diagram is drawn with, and the frame around them."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple


class Point(NamedTuple):
    """A point of the drawing."""

    x: float
    y: float


class Rectangle(NamedTuple):
    """The space that something takes."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, centre: Point, width: float, height: float) -> Rectangle:
        """The rectangle of this size with this centre."""
        return cls(centre.x - width / 2, centre.y - height / 2, centre.x + width / 2, centre.y + height / 2)

    @property
    def centre(self) -> Point:
        """The point in its middle."""
        return Point((self.left + self.right) / 2, (self.top + self.bottom) / 2)

    def meets(self, other: Rectangle, apart: float = 0.0) -> bool:
        """Whether the two overlap, or are less than this far from each other."""
        across = self.left < other.right + apart and other.left < self.right + apart
        return across and self.top < other.bottom + apart and other.top < self.bottom + apart


class Text(NamedTuple):
    """A name as it is written: with an index below."""

    base: str
    below: str = ""


class Shape(NamedTuple):
    """A learned layer, drawn as a box, or an operation, drawn as a circle or, where its symbol is long, an ellipse."""

    name: str
    learned: bool
    symbol: str
    note: str
    space: Rectangle
    text: str
    inside: tuple[str, ...]


class Wire(NamedTuple):
    """The line of one value. paths: its parts between forks, each from point to point.

    forks: where it divides. tips: its ends at what reads it, each with the point before. merged: its end where it runs
    into another line.
    """

    value: str
    source: str
    readers: tuple[str, ...]
    paths: tuple[tuple[Point, ...], ...]
    forks: tuple[Point, ...]
    tips: tuple[tuple[Point, Point], ...]
    merged: tuple[Point, ...] = ()

    @property
    def stretches(self) -> list[Rectangle]:
        """The straight parts of it, each as a rectangle without width."""
        return [
            Rectangle(min(a.x, b.x), min(a.y, b.y), max(a.x, b.x), max(a.y, b.y))
            for path in self.paths
            for a, b in pairwise(path)
        ]


class Label(NamedTuple):
    """A name beside a line, or the place for a number there. value: whose it is; empty for that of x.

    kind: ``name``, ``number`` or, where a line enters an operation, ``mark``.
    """

    value: str
    text: Text
    space: Rectangle
    kind: str = "name"


class Layout(NamedTuple):
    """A whole drawing."""

    width: float
    height: float
    figures: tuple[Shape, ...]
    wires: tuple[Wire, ...]
    labels: tuple[Label, ...]

    @property
    def crossings(self) -> list[Point]:
        """Where a line crosses another that it has nothing to do with."""
        flat = [(wire.value, s) for wire in self.wires for s in wire.stretches if s.top == s.bottom]
        upright = [(wire.value, s) for wire in self.wires for s in wire.stretches if s.left == s.right]
        return [
            Point(v.left, h.top)
            for a, h in flat
            for b, v in upright
            if a != b and h.left < v.left < h.right and v.top < h.top < v.bottom
        ]


_MARGIN = 10.0


def framed(figures: tuple[Shape, ...], wires: tuple[Wire, ...], labels: tuple[Label, ...]) -> Layout:
    """The drawing moved so that it begins at its margin."""
    spaces = [figure.space for figure in figures] + [label.space for label in labels]
    spaces += [stretch for wire in wires for stretch in wire.stretches]
    left, top = min(space.left for space in spaces) - _MARGIN, min(space.top for space in spaces) - _MARGIN
    right, bottom = max(space.right for space in spaces) + _MARGIN, max(space.bottom for space in spaces) + _MARGIN

    def space(old: Rectangle) -> Rectangle:
        return Rectangle(old.left - left, old.top - top, old.right - left, old.bottom - top)

    def point(old: Point) -> Point:
        return Point(old.x - left, old.y - top)

    return Layout(
        right - left,
        bottom - top,
        tuple(figure._replace(space=space(figure.space)) for figure in figures),
        tuple(
            wire._replace(
                paths=tuple(tuple(map(point, path)) for path in wire.paths),
                forks=tuple(map(point, wire.forks)),
                merged=tuple(map(point, wire.merged)),
                tips=tuple((point(tip), point(before)) for tip, before in wire.tips),
            )
            for wire in wires
        ),
        tuple(label._replace(space=space(label.space)) for label in labels),
    )
