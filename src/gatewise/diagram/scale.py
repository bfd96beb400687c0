"""From tracks to pixels: each track that is used gets as much room as what stands on it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .graph import Graph, Node
from .place import Placement
from .route import EAST, NORTH, SOUTH, WEST, Line
from .shape import Point, Rectangle
from .text import NOTE_SIZE, width
from .wiring import RoutedPlacement, track

RADIUS = 13.0
_FIGURES = 1.5  # figures side by side need more room than lines, for a label between them


class Gaps(NamedTuple):
    """The least distance between two lines side by side, and between a line and a figure."""

    x: float = 14.0
    y: float = 14.0


class Size(NamedTuple):
    """Width and height of a figure."""

    width: float
    height: float


def size_of(node: Node) -> Size:
    """The room for a node's symbol and note."""
    inside = width(node.symbol)
    if node.learned:
        return Size(max(44.0, inside + 16, width(node.note, NOTE_SIZE) + 12), 44.0 if node.note else 32.0)
    return Size(max(2 * RADIUS, inside + 18), 2 * RADIUS)


class Tracks:
    """Where each track of the grid lies."""

    def __init__(self, graph: Graph, wiring: RoutedPlacement, gaps: Gaps) -> None:
        placement = wiring.placement
        sizes = {place: size_of(graph.nodes[name]) for name, place in placement.nodes.items()}
        wide: dict[int, float] = {}
        high: dict[int, float] = {}
        for place, size in sizes.items():
            wide[track(place.column)] = max(wide.get(track(place.column), 0.0), size.width)
            high[track(place.row)] = max(high.get(track(place.row), 0.0), size.height)
        self._x = _positions(_used(wiring.router.lines.values(), 0), wide, gaps.x)
        self._y = _positions(_used(wiring.router.lines.values(), 1), high, gaps.y)
        self._bottom = max(self._y.values())

    @property
    def size(self) -> Size:
        """The extent of all tracks."""
        return Size(max(self._x.values()), self._bottom)

    def point(self, cell: tuple[int, int]) -> Point:
        """A point of the grid where a line begins, turns or ends, in pixels, y downwards."""
        return Point(self._x[cell[0]], self._bottom - self._y[cell[1]])

    def space(self, placement: Placement, node: Node) -> Rectangle:
        """The room that a node takes."""
        place = placement.nodes[node.name]
        return Rectangle.around(self.point((track(place.column), track(place.row))), *size_of(node))


def _used(lines: Iterable[Line], axis: int) -> list[int]:
    """The tracks along which anything goes or where anything begins, ends or turns."""
    along = {NORTH, SOUTH} if axis == 0 else {EAST, WEST}
    return sorted({cell[axis] for line in lines for cell, ways in line.ways.items() if ways & along or len(ways) == 1})


def _positions(tracks: list[int], extents: Mapping[int, float], gap: float) -> dict[int, float]:
    """Tracks side by side, as close as what stands on them allows."""
    positions: dict[int, float] = {}
    at, before = 0.0, None
    for index in tracks:
        if before is not None:
            figures = [extents[near] for near in (before, index) if near in extents]
            at += sum(figures) / 2 + (_FIGURES * gap if len(figures) > 1 else gap)
        positions[index], before = at, index
    return positions
