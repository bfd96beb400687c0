"""A small picture of each family: a monthly, a daily and an hourly series."""

from __future__ import annotations

from html import escape

import numpy as np

from gatewise.pages.axes import value_scale
from gatewise.pages.marks import line
from gatewise.synthetic import FAMILIES, Family, Frame

# What each panel shows: its words, its length, its season and second season.
PANELS = (("months", 144, 12, 1), ("days", 140, 7, 1), ("hours", 336, 24, 168))
SEED = 11
_WIDTH, _HEIGHT, _GAP, _HEAD = 232, 96, 12, 20
_STYLE = """:root { --paper: #fff; --soft: #586673; --hair: #e3e5e4; --line: #1d5fbf }
@media (prefers-color-scheme: dark) { :root { --paper: #12171c; --soft: #a3b0ba; --hair: #303a42; --line: #7fb2ff } }
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; fill: var(--soft) }
.paper { fill: var(--paper) } .frame { fill: none; stroke: var(--hair) }
path { fill: none; stroke: var(--line); stroke-width: 1.2; vector-effect: non-scaling-stroke }"""


def pictures() -> dict[str, str]:
    """The text of every picture, by file name."""
    return {file_name(name): picture(family) for name, family in FAMILIES.items()}


def file_name(family: str) -> str:
    """The picture's file."""
    return f"{family.lower().replace(' ', '-')}.svg"


def picture(family: Family) -> str:
    """The SVG file's text."""
    panels = "\n".join(_panel(family, place) for place in range(len(PANELS)))
    width, height = len(PANELS) * (_WIDTH + _GAP) - _GAP, _HEAD + _HEIGHT + 1
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    title = escape(f"{family.name}: {family.about}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title">\n'
        f'<title id="title">{title}</title>\n<style>\n{_STYLE}\n</style>\n'
        f'<rect class="paper" width="100%" height="100%"/>\n{panels}\n</svg>\n'
    )


def _panel(family: Family, place: int) -> str:
    words, length, season, second = PANELS[place]
    one = np.ones(1, np.int64)
    values = family.make(Frame(np.random.default_rng([SEED, place]), length, season * one, second * one))[0]
    course = line(100 * np.arange(length) / (length - 1), value_scale([values])(values), "").d
    x = place * (_WIDTH + _GAP)
    return (
        f'<text x="{x + 2}" y="14">{words}</text>\n'
        f'<rect class="frame" x="{x + 0.5}" y="{_HEAD}.5" width="{_WIDTH - 1}" height="{_HEIGHT}"/>\n'
        f'<svg x="{x}" y="{_HEAD}" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 1000 1000" '
        f'preserveAspectRatio="none"><path d="{course}"/></svg>'
    )
