"""The picture of saturation: one panel for each gate, one mark for each unit, the way it came behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...pages import templates

if TYPE_CHECKING:
    from .saturation import Saturation

SIDE, GAP, TOP, LEFT = 220, 62, 64, 56  # pixels of a panel's square and around it
KEY = 150  # and of an entry of the legend
SHAPES = ("circle", "square", "diamond", "triangle")
COLOURS = 6
_MOST_POINTS = 24  # of a trail


@dataclass(frozen=True)
class Mark:
    """One unit: where it is in its panel, in pixels, the way there as a path, and what it says when pointed at."""

    x: float
    y: float
    trail: str
    shape: str
    colour: int
    tip: str


@dataclass(frozen=True)
class Panel:
    """One gate."""

    gate: str
    left: int
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Key:
    """What the marks of one layer in one direction look like."""

    x: int
    y: int
    shape: str
    colour: int
    words: str


def scatter(title: str, seen: Sequence[tuple[int, Saturation]]) -> str:
    """SVG of the last of what was seen, with each unit's way there. seen: (update, saturation) in order."""
    last = seen[-1][1]
    thin = max(1, -(-len(seen) // _MOST_POINTS))
    kept = [*seen[:-1:thin], seen[-1]]
    panels = [
        Panel(gate, LEFT + at * (SIDE + GAP), tuple(_marks(gate, [each for _, each in kept])))
        for at, gate in enumerate(last.left)
    ]
    places = sorted({point[:2] for gate in last.left for point in last.points(gate)})
    width = max(LEFT + len(panels) * (SIDE + GAP) - GAP + 24, int(8.4 * len(title)) + 32)
    across = (width - LEFT) // KEY
    keys = [
        Key(LEFT + at % across * KEY, TOP + SIDE + 64 + at // across * 20, *_style(*place), _words(*place))
        for at, place in enumerate(places if len(places) > 1 else [])
    ]
    height = keys[-1].y + 20 if keys else TOP + SIDE + 48
    template = templates(__package__ or "").get_template("scatter.svg.j2")
    return template.render(title=title, panels=panels, keys=keys, width=width, height=height, side=SIDE, top=TOP)


def _marks(gate: str, seen: Sequence[Saturation]) -> list[Mark]:
    ways = list(zip(*(each.points(gate) for each in seen), strict=True))
    found: list[Mark] = []
    for way in ways:
        layer, direction, unit, left, right = way[-1]
        path = [f"{_across(a):.1f} {_up(b):.1f}" for *_, a, b in way]
        tip = f"{_words(layer, direction)}, unit {unit}: {left:.0%} of steps below .1, {right:.0%} above .9"
        trail = "M" + "L".join(path) if len(path) > 1 else ""
        found.append(Mark(_across(left), _up(right), trail, *_style(layer, direction), tip))
    return found


def _across(share: float) -> float:
    return share * SIDE


def _up(share: float) -> float:
    return (1.0 - share) * SIDE


def _style(layer: int, direction: int) -> tuple[str, int]:
    """Shape and colour: either tells places apart."""
    number = 2 * layer + direction
    return SHAPES[number % len(SHAPES)], number % COLOURS


def _words(layer: int, direction: int) -> str:
    return f"layer {layer}" + (", backward" if direction else "")
