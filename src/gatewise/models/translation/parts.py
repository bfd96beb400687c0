"""Lines that are longer than what was learned from: cut between words, translated part by part, and joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from .coder import EncoderDecoder
from .pairs import Vocabularies, clean
from .search import Beam, Hypothesis, search
from .units import Vocabulary


@dataclass(frozen=True)
class Translation:
    """One translation of a sentence.

    Attributes:
        text: The translation.
        score: Log-probability in nats divided by the length in units to the power ``length_penalty``; higher is
            better.
        parts: In how many parts the sentence was translated, each by itself; more than one only where it is longer
            than ``longest``.
    """

    text: str
    score: float
    parts: int = 1


def cut(vocabulary: Vocabulary, line: str, longest: int) -> list[list[int]]:
    """The units of a line in parts of at most ``longest``, cut between words if it can be; no part of a blank line."""
    units = vocabulary.encode(line)
    if len(units) <= longest:
        return [units] if units else []
    parts: list[list[int]] = [[]]
    for _, places in vocabulary.words(units):
        if parts[-1] and len(parts[-1]) + len(places) > longest:
            parts.append([])
        parts[-1] += [units[place] for place in places]
    return [part[at : at + longest] for part in parts for at in range(0, len(part), longest)]


@dataclass(frozen=True)
class Reach:
    """How far a search goes. ratio: units of a target for each of its source, at most. longest: units of a part."""

    ratio: float
    longest: int


def translated(
    network: EncoderDecoder, vocabularies: Vocabularies, lines: Sequence[str], beam: Beam, reach: Reach, most: int = 1
) -> list[list[Translation]]:
    """For each line its translations, the best first. most: how many."""
    parts = [cut(vocabularies.source, clean(line), reach.longest) for line in lines]
    sources = [part for line in parts for part in line]
    found = iter(search(network, sources, beam, reach.ratio, reach.longest))
    return [joined(vocabularies.target, [next(found)[:most] for _ in line]) for line in parts]


def joined(vocabulary: Vocabulary, found: Sequence[Sequence[Hypothesis]]) -> list[Translation]:
    """Translations of a line, the best first, of the hypotheses for each of its parts; of a blank line a blank one."""
    if not found:
        return [Translation("", 0.0)]
    alike = zip(*found, strict=False) if len(found) > 1 else product(*found)
    return [
        Translation(
            clean(vocabulary.joint.join(vocabulary.decode(part.units) for part in parts)),
            sum(part.score for part in parts) / len(parts),
            len(parts),
        )
        for parts in alike
    ]
