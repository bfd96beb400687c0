"""Pairs of lines to learn from: cleaned, and those left out that would teach nothing, each counted with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...errors import InputError
from ...escape import without_steering
from ...words import count
from .batches import Pair
from .units import Symbols, Vocabulary

_UNLIKE, _GRACE = 3.0, 5
"""A pair is left out if its lengths, each and so many units, differ so many times more than is usual."""
_FEW_WORDS, _SHORT_WORD = 300, 3.0
_FEW_CHARACTERS, _SHORT_LINE = 200, 25.0
"""Below which a vocabulary is one of short words, and one of characters, if nobody says."""
LONGEST = 200
"""Units of a side of a pair that is learned from, at most, if nobody says."""
FEWEST_UNITS, MOST_UNITS = 300, 1 << 16
"""Of a vocabulary of subwords, in which there is one for every byte."""
UNITS = ("auto", "subwords", "characters", "words")


class Vocabularies(NamedTuple):
    """What both sides are made of; one and the same object where they share it."""

    source: Vocabulary
    target: Vocabulary

    @property
    def shared(self) -> bool:
        """Whether both are one."""
        return self.source is self.target


@dataclass(frozen=True)
class Lines:
    """Pairs of cleaned lines, neither of them blank.

    notes: what was left out or changed, a sentence each.
    """

    source: list[str]
    target: list[str]
    notes: tuple[str, ...]


def clean(line: str) -> str:
    """A line without control characters and the like, each a blank instead, and without blanks at its ends."""
    return without_steering(line).strip()


def checked(name: str, lines: object) -> list[str]:
    """A list of lines. Raises InputError for anything else, saying where."""
    if isinstance(lines, str | bytes) or not hasattr(lines, "__len__") or not hasattr(lines, "__iter__"):
        raise InputError(f"{name} is a {type(lines).__name__}", hint="give a list of sentences, each a string")
    listed: list[Any] = list(lines)  # pyright: ignore[reportArgumentType]
    for at, line in enumerate(listed):
        if not isinstance(line, str):
            raise InputError(f"{name} holds a {type(line).__name__}", row=at, hint="give strings")
    return listed


def check_pairs(source: object, target: object) -> tuple[list[str], list[str]]:
    """Two lists of lines, equally long. Raises InputError."""
    sources, targets = checked("source", source), checked("target", target)
    if len(sources) != len(targets):
        raise InputError(
            f"source has {count(len(sources), 'line')} and target {count(len(targets), 'line')}",
            hint="line N of one is to be the translation of line N of the other",
        )
    return sources, targets


def cleaned(source: object, target: object) -> Lines:
    """The pairs of which neither line is blank. Raises InputError where there are none."""
    sources, targets = check_pairs(source, target)
    pairs = [(clean(one), clean(other)) for one, other in zip(sources, targets, strict=True)]
    kept = [pair for pair in pairs if all(pair)]
    if not kept:
        raise InputError("there is no pair of which neither line is blank", hint="give sentences and translations")
    controls = sum(without_steering(one + other) != one + other for one, other in zip(sources, targets, strict=True))
    notes = (
        _note(len(pairs) - len(kept), "left out: a line is blank"),
        _note(controls, "with control characters, each read as a blank"),
    )
    return Lines([one for one, _ in kept], [other for _, other in kept], tuple(filter(None, notes)))


def vocabularies(lines: Lines, units: str, size: int) -> Vocabularies:
    """What both sides are made of.

    units: one of `UNITS`. size: of a vocabulary at most, for subwords and words. Where nobody says, a side whose lines
    are made of few short words, such as phonemes, is one of words; a side of few characters in short lines is one of
    characters; where that does not describe both sides, subwords are learned from both together.
    """
    sides = (lines.source, lines.target)
    kinds = [_kind(side) for side in sides] if units == "auto" else [units, units]
    if "subwords" in kinds:
        from .subwords import Subwords

        both = Subwords.learned([*lines.source, *lines.target], size)
        return Vocabularies(both, both)
    most = {"characters": None, "words": size}
    return Vocabularies(*(Symbols.learned(kind, side, most[kind]) for kind, side in zip(kinds, sides, strict=True)))


def _kind(lines: Sequence[str]) -> str:
    words = [word for line in lines for word in line.split()]
    letters = sum(map(len, words)) / len(words)
    if len(set(words)) < _FEW_WORDS and letters <= _SHORT_WORD and len(words) > len(lines):
        return "words"
    few = len({character for line in lines for character in line}) < _FEW_CHARACTERS
    return "characters" if few and sum(map(len, lines)) / len(lines) < _SHORT_LINE else "subwords"


def learnable(pairs: Sequence[Pair], longest: int) -> tuple[list[Pair], tuple[str, ...]]:
    """The pairs that are learned from, and notes on those that are left out. Raises InputError where none is left."""
    short = [pair for pair in pairs if max(map(len, pair)) <= longest]
    if not short:
        raise InputError(f"every pair has a side of more than {longest} units", hint="cut them into sentences")
    ratios = np.array([(len(target) + _GRACE) / (len(source) + _GRACE) for source, target in short])
    usual = np.abs(np.log(ratios / np.median(ratios))) <= np.log(_UNLIKE)
    kept = [pair for pair, good in zip(short, usual, strict=True) if good]
    notes = (
        _note(len(pairs) - len(short), f"left out: a side has more than {longest} units"),
        _note(len(short) - len(kept), f"left out: their lengths differ {_UNLIKE:g} times more than is usual"),
    )
    return kept, tuple(filter(None, notes))


def respelled(vocabularies: Vocabularies, pairs: Sequence[Pair], dropout: float, seed: int) -> list[Pair]:
    """The same pairs in other units of their vocabularies, drawn anew: see `Vocabulary.respelled`."""
    sides = zip(vocabularies, zip(*pairs, strict=True), (seed, seed + 1), strict=True)
    return list(zip(*(side.respelled(lines, dropout, own) for side, lines, own in sides), strict=True))


def repeated(source: Sequence[str], test: Sequence[str]) -> int:
    """How many lines of a test set are among the sources that were learned from."""
    known = {clean(line) for line in source}
    return sum(clean(line) in known for line in test)


def _note(number: int, what: str) -> str:
    return f"{count(number, 'pair')} {what}" if number else ""
