"""The whole drawing of a cell, in pixels."""

from __future__ import annotations

from functools import cache

from ..equation import Cell, previous
from .graph import BOTH, INPUT, Graph, graph_of
from .labels import labelled
from .place import GridCell
from .route import Line, Spot
from .scale import Gaps, Tracks
from .shape import Label, Layout, Point, Rectangle, Shape, Text, Wire, framed
from .text import SIZE, text_width, written
from .wiring import RoutedPlacement, track, wired

_REACH = 4.0  # how far a label is from its line
_WIDER = 4.0
_TRIES = 20


@cache
def layout_of(cell: Cell, numbers: bool = False) -> Layout:
    """The drawing. numbers: with a place for a number beside each line that has a name."""
    graph = graph_of(cell)
    wiring = wired(cell)
    start = 24.0 if numbers else 14.0
    for attempt in range(_TRIES):
        drawing = _Drawing(graph, wiring, Gaps(start + _WIDER * attempt, start + _WIDER * attempt / 2))
        labels = labelled(graph, drawing.figures, drawing.wires, drawing.ends, numbers=numbers)
        if labels is not None:
            return framed(drawing.figures, drawing.wires, labels)
    raise AssertionError(f"{cell.name}: no room for its labels")


class _Drawing:
    """Figures, wires, and labels at their ends, at one scale."""

    def __init__(self, graph: Graph, wiring: RoutedPlacement, gaps: Gaps) -> None:
        self._graph, self._wiring = graph, wiring
        self._scale = Tracks(graph, wiring, gaps)
        self.figures = tuple(self._figure(name) for name in graph.nodes)
        self._spaces = {figure.name: figure.space for figure in self.figures}
        pins = wiring.router.pins
        self._names = {pin.at: name for name, pin in pins.items()}
        self.wires = tuple(self._wire(name, line) for name, line in wiring.router.lines.items())
        self.ends = tuple(self._end_labels())

    def _figure(self, name: str) -> Shape:
        node = self._graph.nodes[name]
        space = self._scale.space(self._wiring.placement, node)
        return Shape(name, node.learned, node.symbol, node.note, space, node.text, node.inside)

    def _wire(self, name: str, line: Line) -> Wire:
        paths = line.paths(self._wiring.router.pins[line.source].at, set(self._names))
        trimmed = [self._trimmed(path) for path in paths]
        ends = [path[-1] in self._names for path in paths]
        readers = tuple(self._names[path[-1]] for path, end in zip(paths, ends, strict=True) if end)
        joined = [self._names.get(path[-1]) == BOTH for path in paths]
        tips = tuple((p[-1], p[-2]) for p, end, join in zip(trimmed, ends, joined, strict=True) if end and not join)
        merged = tuple(path[-1] for path, join in zip(trimmed, joined, strict=True) if join)
        forks = tuple(
            self._scale.point(cell) for cell, ways in line.ways.items() if len(ways) > 2 and cell not in self._names
        )
        return Wire(name, line.source, readers, tuple(trimmed), forks, tips, merged)

    def _trimmed(self, path: list[Spot]) -> tuple[Point, ...]:
        """A path in pixels, from and to the edges of figures, without points on straight stretches."""
        middle = zip(path, path[1:], path[2:], strict=False)
        bends = [here for before, here, after in middle if before[0] != after[0] and before[1] != after[1]]
        points = [self._scale.point(spot) for spot in (path[0], *bends, path[-1])]
        points[0] = self._edge(path[0], points[0], points[1])
        points[-1] = self._edge(path[-1], points[-1], points[-2])
        return tuple(points)

    def _edge(self, cell: Spot, centre: Point, towards: Point) -> Point:
        space = self._spaces.get(self._names.get(cell, ""))
        if space is None:
            return centre
        x = space.left if towards.x < centre.x else space.right if towards.x > centre.x else centre.x
        y = space.top if towards.y < centre.y else space.bottom if towards.y > centre.y else centre.y
        return Point(x, y)

    def _end_labels(self) -> list[Label]:
        """The names of the values that enter the cell and of those that leave it."""
        cell, placement = self._graph.cell, self._wiring.placement
        labels: list[Label] = []
        for name, place in placement.sources.items():
            if name != BOTH:
                side = (0.0, 1.0) if name == INPUT else (-1.0, 0.0)
                labels.append(self._beside(place, side, name if name != INPUT else "", written(cell, name)))
        for end, place in placement.ends.items():
            text = written(cell, previous(end.state))._replace(below="t")
            labels.append(self._beside(place, (0.0, -1.0) if end.up else (1.0, 0.0), end.value, text))
        return labels

    def _beside(self, place: GridCell, side: tuple[float, float], value: str, text: Text) -> Label:
        at = self._scale.point((track(place.column), track(place.row)))
        wide, high = text_width(text), SIZE + 6
        centre = Point(at.x + side[0] * (wide / 2 + _REACH), at.y + side[1] * (high / 2 + _REACH))
        return Label(value, text, Rectangle.around(centre, wide, high))
