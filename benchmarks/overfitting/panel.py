"""One frame of curves, with their names beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

import numpy as np

from gatewise.pages.axes import Scale
from gatewise.pages.marks import line

from .experiment import Outcome

_TEXTS = {"train": "training", "valid": "validation"}
_LINE = 18  # pixels between labels


class Frame(NamedTuple):
    """Pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Curve:
    """d: a path in a square of 1000 x 1000. kind: ``train``, ``valid`` or ``plain``, the validation without a cure."""

    d: str
    kind: str


@dataclass(frozen=True)
class Label:
    """y: pixels from the top of the frame."""

    text: str
    kind: str
    y: float


@dataclass(frozen=True)
class Panel:
    """x, y, width, height: of the frame, in pixels. dots: of the weights that early stopping keeps, in percent."""

    title: str
    words: str
    x: float
    y: float
    width: float
    height: float
    curves: list[Curve]
    labels: list[Label]
    dots: list[tuple[float, float]]


def panel(outcome: Outcome, plain: Outcome | None, frame: Frame, across: Scale, up: Scale) -> Panel:
    """What is drawn of an outcome, over that without a cure; None for the latter itself."""
    curves = [_curve(course.valid, "plain", across, up) for course in (plain.courses if plain else [])]
    for kind in ("train", "valid"):
        curves += [_curve(getattr(course, kind), kind, across, up) for course in outcome.courses]
    ends = [(kind, text, [getattr(course, kind)[-1] for course in outcome.courses]) for kind, text in _TEXTS.items()]
    if plain:
        ends.append(("plain", "without", [course.valid[-1] for course in plain.courses]))
    labels = [Label(text, kind, float(up(fmean(values))) * frame.height / 100) for kind, text, values in ends]
    dots = [(float(across(c.best)), float(up(min(c.valid)))) for c in outcome.courses if outcome.cure.patience]
    return Panel(*_words(outcome, plain), *frame, curves, _apart(labels), dots)


def _words(outcome: Outcome, plain: Outcome | None) -> tuple[str, str]:
    test = outcome.left("test")
    if plain is None:
        return "Nothing against overfitting", f"test {test:.2f} nats a chord; lowest validation {outcome.best():.2f}"
    gain = plain.left("test") - test
    return outcome.cure.name.capitalize(), f"test {test:.2f}, {abs(gain):.2f} {'less' if gain >= 0 else 'more'}"


def _curve(values: Sequence[float], kind: str, across: Scale, up: Scale) -> Curve:
    epochs = np.arange(1, len(values) + 1)
    return Curve(line(across(epochs), up(values), kind).d, kind)


def _apart(labels: list[Label]) -> list[Label]:
    """The labels with room between them."""
    placed: list[Label] = []
    for label in sorted(labels, key=lambda label: label.y):
        y = max(label.y, placed[-1].y + _LINE) if placed else label.y
        placed.append(Label(label.text, label.kind, y))
    return placed
