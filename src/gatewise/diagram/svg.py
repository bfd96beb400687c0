"""A layout as text: one self-contained SVG file."""

from __future__ import annotations

from html import escape

from .shape import Label, Layout, Point, Shape, Wire
from .text import INDEX_SIZE, NOTE_SIZE, NUMBER_SIZE, SIZE

STYLE = f"""
.cell-diagram {{ --paper: #ffffff; --ink: #23303d; --layer: #f7d774; --layer-edge: #8a6a00; --operation: #cfe3f7;
  --operation-edge: #1f5f99; color: var(--ink); font: {SIZE:g}px sans-serif; max-width: 100%;
  height: auto; }}
@media (prefers-color-scheme: dark) {{
  .cell-diagram {{ --paper: #14191f; --ink: #d7dee6; --layer: #6b5410; --layer-edge: #e0b93c; --operation: #1d4468;
    --operation-edge: #7db8ea; }}
}}
.cell-diagram .paper {{ fill: var(--paper); }}
.cell-diagram .gap {{ fill: none; stroke: var(--paper); stroke-width: 4; }}
.cell-diagram .line {{ fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; }}
.cell-diagram .tip, .cell-diagram .fork, .cell-diagram text {{ fill: currentColor; }}
.cell-diagram .layer {{ fill: var(--layer); stroke: var(--layer-edge); stroke-width: 1.4; }}
.cell-diagram .operation {{ fill: var(--operation); stroke: var(--operation-edge); stroke-width: 1.4; }}
.cell-diagram text {{ text-anchor: middle; }}
.cell-diagram .name {{ font-family: serif; font-style: italic; }}
.cell-diagram .index {{ font-size: {INDEX_SIZE:g}px; }}
.cell-diagram .note {{ font-size: {NOTE_SIZE:g}px; }}
.cell-diagram .number {{ font-size: {NUMBER_SIZE:g}px; font-variant-numeric: tabular-nums; }}
"""
_TURN = 6.0  # the radius of a bend
_TIP = 6.0
_GAP = 3.5


def svg(layout: Layout, title: str, description: str) -> str:
    """The drawing as SVG."""
    size = f"{layout.width:.0f} {layout.height:.0f}"
    wide, high = size.split()
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cell-diagram" viewBox="0 0 {size}" width="{wide}" '
        f'height="{high}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(description)}</desc>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{wide}" height="{high}"/>',
        *(_wire(wire) for wire in layout.wires),
        *(_crossing(at) for at in layout.crossings),
        *(_figure(figure) for figure in layout.figures),
        *(_label(label) for label in layout.labels),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _wire(wire: Wire) -> str:
    way = " ".join(_path(path, merging=path[-1] in wire.merged) for path in wire.paths)
    tips = "".join(_tip(*tip) for tip in wire.tips)
    forks = "".join(f'<circle class="fork" cx="{_n(at.x)}" cy="{_n(at.y)}" r="2.6"/>' for at in wire.forks)
    value = _value(wire.value)
    return f'<g{value}><path class="line" d="{way}"/>{tips}{forks}</g>'


def _crossing(at: Point) -> str:
    """The upright line is interrupted above and below, so that the crossing does not look like a fork."""
    x, high, low = _n(at.x), at.y - 1, at.y + 1
    return f'<path class="gap" d="M{x} {_n(high)}V{_n(high - _GAP)}M{x} {_n(low)}V{_n(low + _GAP)}"/>'


def _value(name: str) -> str:
    return f' data-value="{escape(name)}"' if name.isidentifier() else ""


def _path(points: tuple[Point, ...], *, merging: bool) -> str:
    """A line from point to point with round bends. merging: it turns into the line on which it ends."""
    if merging:
        points = (*points, Point(points[-1].x + _TURN, points[-1].y))
    words = [f"M{_n(points[0].x)} {_n(points[0].y)}"]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        start, end = _towards(here, before), _towards(here, after)
        words.append(f"L{_n(start.x)} {_n(start.y)} Q{_n(here.x)} {_n(here.y)} {_n(end.x)} {_n(end.y)}")
    return " ".join([*words, f"L{_n(points[-1].x)} {_n(points[-1].y)}"])


def _towards(here: Point, there: Point, most: float = _TURN) -> Point:
    length = abs(here.x - there.x) + abs(here.y - there.y)
    part = min(most, length / 2) / length if length else 0.0
    return Point(here.x + (there.x - here.x) * part, here.y + (there.y - here.y) * part)


def _tip(at: Point, before: Point) -> str:
    base = _towards(at, before, _TIP)
    x, y = (base.y - at.y) / 2, (base.x - at.x) / 2
    corners = (at, Point(base.x + x, base.y + y), Point(base.x - x, base.y - y))
    return f'<polygon class="tip" points="{" ".join(f"{_n(p.x)},{_n(p.y)}" for p in corners)}"/>'


def _figure(figure: Shape) -> str:
    space, at = figure.space, figure.space.centre
    wide, high = space.right - space.left, space.bottom - space.top
    if figure.learned:
        corner = f'x="{_n(space.left)}" y="{_n(space.top)}"'
        shape = f'<rect class="layer" {corner} width="{_n(wide)}" height="{_n(high)}" rx="3"/>'
    else:
        shape = f'<ellipse class="operation" cx="{_n(at.x)}" cy="{_n(at.y)}" rx="{_n(wide / 2)}" ry="{_n(high / 2)}"/>'
    lift = 6 if figure.note else 0
    words = [f'<text x="{_n(at.x)}" y="{_n(at.y + SIZE * 0.34 - lift)}">{escape(figure.symbol)}</text>']
    if figure.note:
        words.append(f'<text class="note" x="{_n(at.x)}" y="{_n(at.y + 15)}">{escape(figure.note)}</text>')
    inside = f' data-inside="{escape(" ".join(figure.inside))}"' if figure.inside else ""
    return f"<g{_value(figure.name)}{inside}><title>{escape(figure.text)}</title>{shape}{''.join(words)}</g>"


def _label(label: Label) -> str:
    at = label.space.centre
    if label.kind == "mark":
        return f'<text class="note" x="{_n(at.x)}" y="{_n(at.y + NOTE_SIZE * 0.36)}">{escape(label.text.base)}</text>'
    if label.kind == "number":
        return f'<text class="number"{_value(label.value)} x="{_n(at.x)}" y="{_n(at.y + NUMBER_SIZE * 0.36)}"></text>'
    index = f'<tspan class="index" dy="4">{escape(label.text.below)}</tspan>' if label.text.below else ""
    return (
        f'<text class="name"{_value(label.value)} x="{_n(at.x)}" y="{_n(at.y + SIZE * 0.25)}">'
        f"{escape(label.text.base)}{index}</text>"
    )


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
