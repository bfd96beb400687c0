"""The curves as one SVG: what overfitting looks like, and below it every cure on the same axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gatewise.pages.axes import Scale, number_ticks
from gatewise.pages.figure import Tick

from .experiment import Outcome
from .panel import Frame, Panel, panel
from .plan import Plan

# Pixels: of the whole, of a frame, around it.
_WIDTH, _FIRST_HEIGHT, _HEIGHT = 720, 250, 150
_LEFT, _RIGHT, _HEAD, _FOOT, _GAP = 30, 92, 58, 24, 14


def drawn(outcomes: Sequence[Outcome], plan: Plan) -> str:
    """The SVG file's text; the first outcome is the one without a cure."""
    across, up = Scale(0, plan.epochs), _values(outcomes)
    panels = list(_panels(outcomes, across, up))
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), trim_blocks=True, undefined=StrictUndefined, autoescape=True
    )
    x_ticks = [Tick(float(across(at)), str(at)) for at in range(0, plan.epochs + 1, plan.epochs // 2)]
    height = panels[-1].y + panels[-1].height + _FOOT + 8
    return environment.get_template("picture.svg.j2").render(
        panels=panels, x_ticks=x_ticks, y_ticks=number_ticks(up, most=6), width=_WIDTH, height=height
    )


def _values(outcomes: Sequence[Outcome]) -> Scale:
    """Everything but the first epochs, in which all are alike."""
    seen = [value for o in outcomes for c in o.courses for value in (*c.train[5:], *c.valid[5:])]
    air = 0.04 * (max(seen) - min(seen))
    return Scale(min(seen) - air, max(seen) + air, rising=True)


def _panels(outcomes: Sequence[Outcome], across: Scale, up: Scale) -> Iterator[Panel]:
    plain = outcomes[0]
    wide, narrow = _WIDTH - _LEFT - _RIGHT, (_WIDTH - _GAP) / 2 - _LEFT - _RIGHT
    yield panel(plain, None, Frame(_LEFT, _HEAD, wide, _FIRST_HEIGHT), across, up)
    top = _HEAD + _FIRST_HEIGHT + _FOOT
    for place, outcome in enumerate(outcomes[1:]):
        row, column = divmod(place, 2)
        x = _LEFT + column * (_WIDTH + _GAP) / 2
        y = top + row * (_HEAD + _HEIGHT + _FOOT) + _HEAD
        yield panel(outcome, plain, Frame(x, y, narrow, _HEIGHT), across, up)
