"""The page on a translator: its scores, and where it looked in some sentences, held against a check."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ...pages import templates
from ...version import version
from ...words import UNDEFINED, sentence
from .alignment import Alignment
from .model import Translator
from .pairs import Vocabularies, clean
from .scores import TranslationScores

if TYPE_CHECKING:
    from jinja2 import Template

_SENTENCES, _WORDS = 6, 40
"""Sentences that are shown, and words of a side, at most."""
_STRONG = 55
"""Percent from which the colour is too strong for dark letters."""


@dataclass(frozen=True)
class Cell:
    """share: of attention, in percent. style: classes."""

    word: str
    share: int
    style: str


@dataclass(frozen=True)
class Row:
    """A word of the translation."""

    word: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Example:
    """One sentence. number: from 1. check: a sentence on what attention is worth here."""

    number: int
    source: str
    translation: str
    reference: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    check: str


@dataclass(frozen=True)
class Report:
    """What the page shows, as text."""

    source: str
    verdict: str
    facts: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, str, str, str], ...]
    notes: tuple[str, ...]
    examples: tuple[Example, ...]
    version: str


def render(
    model: Translator, scores: TranslationScores, source: Sequence[str], target: Sequence[str], name: str
) -> str:
    """The page as HTML text.

    scores: what `Translator.evaluate` gave for these sentences. name: what they are called.
    """
    report = Report(
        name,
        verdict(scores),
        facts(model, scores),
        tuple(figures(scores)),
        (*model.notes_, *scores.notes),
        tuple(_examples(model, scores, source, target)),
        version(),
    )
    return _template().render(report=report)


@cache
def _template() -> Template:
    environment = templates(__package__ or "")
    environment.filters["sentence"] = sentence
    return environment.get_template("translation.html.j2")


def verdict(scores: TranslationScores) -> str:
    """How many translations are the reference, and how far the others are from it, in a sentence."""
    return (
        f"{scores.exact:.1%} of {scores.pairs:,} translations are the reference, letter by letter; "
        f"{scores.unit_error:.1%} of their units would have to be changed."
    )


def facts(model: Translator, scores: TranslationScores) -> tuple[tuple[str, str], ...]:
    """What the model is, and what is odd about what it writes."""
    source, target = model.vocabularies_
    units = source.kind if source.kind == target.kind else f"{source.kind} to {target.kind}"
    return (
        ("Learned from", f"{model.pairs_:,} pairs"),
        (
            "Units",
            f"{units}, {source.size:,} and {target.size:,}" if source is not target else f"{source.size:,} {units}",
        ),
        ("Beam", str(model.beam)),
        ("Length", f"{scores.length_ratio:.0%} of the references"),
        ("Repeating", f"{scores.repeating:.1%}"),
        ("Nats a unit", f"{scores.nats:.3f}"),
    )


def figures(scores: TranslationScores) -> list[tuple[str, str, str, str]]:
    """Of each metric its name, figure, interval and signature."""
    return [
        (
            f"{metric.name}, {'cased' if metric.cased else 'lowercased'}",
            f"{metric.value:.2f}",
            UNDEFINED if metric.low is None else f"{metric.low:.2f} to {metric.high:.2f}",
            metric.signature,
        )
        for metric in scores.metrics
    ]


def _examples(
    model: Translator, scores: TranslationScores, source: Sequence[str], target: Sequence[str]
) -> list[Example]:
    shown: list[Example] = []
    for at, (line, translation) in enumerate(zip(source, scores.translations, strict=True)):
        if len(shown) == _SENTENCES:
            break
        if not _fits(model.vocabularies_, clean(line), translation):
            continue
        alignment = model.align(line, translation)
        shown.append(_example(at + 1, clean(line), translation, clean(target[at]), alignment))
    return shown


def _fits(vocabularies: Vocabularies, source: str, translation: str) -> bool:
    """Whether a table of these two can be read."""
    sides = zip(vocabularies, (source, translation), strict=True)
    return all(0 < len(side.words(side.encode(line))) <= _WORDS for side, line in sides)


def _example(number: int, source: str, translation: str, reference: str, alignment: Alignment) -> Example:
    decisive = alignment.falls.argmax(1).tolist()
    rows = tuple(Row(word, tuple(_cells(alignment, at, decisive[at]))) for at, word in enumerate(alignment.target))
    hits = sum(int(alignment.weights[at, :-1].argmax()) == place for at, place in enumerate(decisive))
    check = f"In {hits} of {len(rows)} rows the word attended to most is the one whose removal costs most"
    known = not math.isnan(alignment.agreement)
    check += f"; rank correlation over all pairs of words: {alignment.agreement:.2f}." if known else "."
    return Example(number, source, translation, reference, alignment.source, rows, check)


def _cells(alignment: Alignment, row: int, decisive: int) -> list[Cell]:
    shares = [round(100 * weight) for weight in alignment.weights[row].tolist()]
    return [
        Cell(word, share, " ".join(("strong",) * (share >= _STRONG) + ("decisive",) * (at == decisive)))
        for at, (word, share) in enumerate(zip(alignment.source, shares, strict=True))
    ]
