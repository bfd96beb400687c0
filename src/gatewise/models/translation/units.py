"""What sequences are made of: subwords, characters or words, as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from ...errors import InputError

UNKNOWN, BEGIN, END, SPECIAL = 0, 1, 2, 3
"""What no unit spells, what stands before the first unit, what stands after the last, and the number of the first unit
of a vocabulary: sentencepiece counts so too."""

Words = list[tuple[str, list[int]]]
"""Words, each with the places of its units."""


class Vocabulary(Protocol):
    """A line of text to units, numbers from `SPECIAL` to below ``size``, and back.

    kind: its name. joint: what stands between two pieces of a text that was cut.
    """

    kind: str
    joint: str
    size: int

    def encode(self, text: str) -> list[int]:
        """The numbers of a line."""
        ...

    def decode(self, units: Sequence[int]) -> str:
        """The line of the numbers, those below `SPECIAL` left out."""
        ...

    def respelled(self, lines: Sequence[Sequence[int]], dropout: float, seed: int) -> list[list[int]]:
        """The same texts in other units, where a text can be written in several ways.

        dropout: how probably a step on the way from letters to the longest units is left out. The same seed gives the
        same units.
        """
        ...

    def words(self, units: Sequence[int]) -> Words:
        """What a reader would align, each with the places of its units."""
        ...

    def state(self) -> dict[str, Any]:
        """What a file keeps."""
        ...


class Symbols:
    """Characters, or what stands between blanks, each with a number; others are `UNKNOWN`.

    Args:
        kind: ``"characters"`` or ``"words"``.
        entries: In the order of their numbers.

    Raises:
        InputError: There are none, or one appears twice.
    """

    def __init__(self, kind: str, entries: Sequence[str]) -> None:
        self.kind, self.entries = kind, list(entries)
        self.joint = "" if kind == "characters" else " "
        self.size = SPECIAL + len(self.entries)
        self._numbers = {entry: number for number, entry in enumerate(self.entries, SPECIAL)}
        if not self._numbers or len(self._numbers) < len(self.entries):
            raise InputError("the vocabulary is empty, or an entry appears twice")

    @classmethod
    def learned(cls, kind: str, lines: Sequence[str], most: int | None = None) -> Symbols:
        """What occurs in the lines, the most frequent first. most: how many; None for all."""
        counts = Counter(part for line in lines for part in _parts(kind, line))
        ordered = sorted(counts, key=lambda part: (-counts[part], part))
        return cls(kind, ordered[:most])

    def encode(self, text: str) -> list[int]:
        """The numbers of a line."""
        return [self._numbers.get(part, UNKNOWN) for part in _parts(self.kind, text)]

    def decode(self, units: Sequence[int]) -> str:
        """The line of the numbers."""
        return self.joint.join(self.entries[unit - SPECIAL] for unit in units if unit >= SPECIAL)

    def respelled(self, lines: Sequence[Sequence[int]], dropout: float, seed: int) -> list[list[int]]:
        """As they are: there is one way."""
        return [list(line) for line in lines]

    def words(self, units: Sequence[int]) -> Words:
        """Every unit by itself."""
        return [(self.decode([unit]) or "?", [place]) for place, unit in enumerate(units)]

    def state(self) -> dict[str, Any]:
        """What a file keeps."""
        return {"kind": self.kind, "entries": self.entries}


def _parts(kind: str, line: str) -> Sequence[str]:
    return line if kind == "characters" else line.split()
