"""A drawing moved to where its picture begins."""

from __future__ import annotations

from .shape import Figure, Label, Layout, Point, Rectangle, Wire

_MARGIN = 10.0


def framed(figures: tuple[Figure, ...], wires: tuple[Wire, ...], labels: tuple[Label, ...]) -> Layout:
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
