"""Labels beside lines, where nothing else is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from ..equation import previous
from .graph import BOTH, Graph
from .shape import Label, Point, Rectangle, Shape, Text, Wire
from .text import NOTE_SIZE, NUMBER, NUMBER_SIZE, SIZE, is_named, text_width, width, written

_REACH, _APART, _STEP = 4.0, 1.5, 4.0


def labelled(
    graph: Graph, figures: Sequence[Shape], wires: Sequence[Wire], ends: Sequence[Label], *, numbers: bool
) -> tuple[Label, ...] | None:
    """All labels, those at the ends first; None where one finds no place."""
    taken = [figure.space for figure in figures] + [label.space for label in ends]
    taken += [stretch for wire in wires for stretch in wire.stretches]
    labels = list(ends)
    for label, places in _wanted(graph, wires, {label.value for label in ends}, numbers=numbers):
        space = next((space for space in places if _fits(space, taken)), None)
        if space is None:
            return None
        labels.append(label._replace(space=space))
        taken.append(space)
    return tuple(labels)


def _wanted(
    graph: Graph, wires: Sequence[Wire], at_ends: set[str], *, numbers: bool
) -> Iterator[tuple[Label, Iterator[Rectangle]]]:
    """The labels that are to stand beside lines, and where each may stand, the best place first."""
    for wire in wires:
        into = [reader for reader in wire.readers if reader != BOTH]
        for reader, (tip, before) in zip(into, wire.tips, strict=True):
            mark = graph.nodes[reader].marks.get(wire.value) if reader in graph.nodes else None
            if mark:
                space = Rectangle(0, 0, width(mark, NOTE_SIZE), NOTE_SIZE)
                yield Label("", Text(mark), space, "mark"), _places([(tip, before)], space)
    named = [wire for wire in wires if is_named(wire.value)]
    sources = {previous(state) for state in graph.cell.state}
    for wire in named:
        if wire.value not in at_ends and wire.value not in sources:
            text = written(graph.cell, wire.value)
            space = Rectangle(0, 0, text_width(text), SIZE + 4)
            yield Label(wire.value, text, space), _places(wire.paths, space)
    for wire in named if numbers else ():
        space = Rectangle(0, 0, width(NUMBER, NUMBER_SIZE), NUMBER_SIZE + 3)
        yield Label(wire.value, Text(""), space, "number"), _places(wire.paths, space)


def _fits(space: Rectangle, taken: Iterable[Rectangle]) -> bool:
    return not any(space.meets(other, _APART) for other in taken)


def _places(paths: Iterable[Sequence[Point]], size: Rectangle) -> Iterator[Rectangle]:
    """Where a label of this size may stand, beside each stretch of a line, the first ones first."""
    for path in paths:
        for a, b in pairwise(path):
            for at in _along(a, b):
                yield from _sides(at, upright=a.x == b.x, wide=size.right, high=size.bottom)


def _along(a: Point, b: Point) -> Iterator[Point]:
    length = abs(a.x - b.x) + abs(a.y - b.y)
    for step in range(int(length / _STEP) + 1):
        part = step * _STEP / length
        yield Point(a.x + (b.x - a.x) * part, a.y + (b.y - a.y) * part)


def _sides(at: Point, *, upright: bool, wide: float, high: float) -> Iterator[Rectangle]:
    away = (wide if upright else high) / 2 + _REACH
    for side in (1, -1) if upright else (-1, 1):
        centre = Point(at.x + side * away, at.y) if upright else Point(at.x, at.y + side * away)
        yield Rectangle.around(centre, wide, high)
