"""How good translations are: BLEU and chrF as sacrebleu defines them, with what makes each figure comparable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .units import Vocabulary

_RESAMPLES = 1_000


class Metric(NamedTuple):
    """One figure from 0 to 100, higher is better.

    name: ``"BLEU"`` or ``"chrF2"``. cased: whether case counts. low, high: its 95 % interval over resampled
    test sets (Koehn 2004); None of a single pair, and where translations are too bad for one. signature: how sacrebleu
    computed it.
    """

    name: str
    cased: bool
    value: float
    low: float | None
    high: float | None
    signature: str


@dataclass(frozen=True)
class TranslationScores:
    """What translations of a test set are worth.

    Attributes:
        pairs: How many translations were compared.
        metrics: BLEU and chrF, each with case, then without.
        exact: The share of translations that are the reference, letter by letter.
        unit_error: Insertions, deletions and substitutions of units that make the translations the references, in
            shares of the references' units; of phonemes it is the phoneme error rate.
        nats: Mean -log p of a reference's unit given the source and the units before it.
        length_ratio: Units of the translations in shares of the references'.
        repeating: The share of translations in which a sequence of up to four units stands at least three times in a
            row, and in the reference it does not.
        translations: The translations, in order.
        notes: What makes one doubt the figures, a sentence each.
    """

    pairs: int
    metrics: tuple[Metric, ...]
    exact: float
    unit_error: float
    nats: float
    length_ratio: float
    repeating: float
    translations: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def metric(self, name: str, *, cased: bool = True) -> Metric:
        """A figure by its name, ``"BLEU"`` or ``"chrF2"``."""
        return next(metric for metric in self.metrics if (metric.name, metric.cased) == (name, cased))


def metrics(translations: Sequence[str], references: Sequence[str]) -> tuple[Metric, ...]:
    """BLEU and chrF2, with case and without.

    BLEU with 13a tokens: Post, A Call for Clarity in Reporting BLEU Scores, arXiv:1804.08771. chrF2: Popović,
    chrF: character n-gram F-score for automatic MT evaluation, W15-3049.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    kinds: tuple[tuple[str, Any], ...] = (("BLEU", BLEU), ("chrF2", CHRF))
    return tuple(
        _metric(name, cased, kind(lowercase=not cased), translations, references)
        for name, kind in kinds
        for cased in (True, False)
    )


def _metric(name: str, cased: bool, metric: Any, translations: Sequence[str], references: Sequence[str]) -> Metric:
    arguments = list(translations), [list(references)]
    try:
        score = metric.corpus_score(*arguments, n_bootstrap=_RESAMPLES if len(references) > 1 else 1)
    except TypeError:  # sacrebleu cannot average resamples some of which score nothing at all
        score = metric.corpus_score(*arguments)
    half = getattr(score, "_ci", -1.0)
    low, high = (float(score._mean - half), float(score._mean + half)) if half >= 0 else (None, None)
    signature = str(metric.get_signature())
    return Metric(name, cased, float(score.score), low, high, signature)


def chrf(translations: Sequence[str], references: Sequence[str]) -> float:
    """chrF2 of a test set, 0 to 100."""
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF().corpus_score(list(translations), [list(references)]).score)


class UnitErrors(NamedTuple):
    """edits: see `TranslationScores.unit_error`. written, wanted: units. repeating: translations that repeat."""

    edits: int
    written: int
    wanted: int
    repeating: int


def unit_errors(vocabulary: Vocabulary, translations: Sequence[str], references: Sequence[str]) -> UnitErrors:
    """Translations against references, unit by unit."""
    pairs = [
        (vocabulary.encode(translation), vocabulary.encode(reference))
        for translation, reference in zip(translations, references, strict=True)
    ]
    return UnitErrors(
        sum(edits(written, wanted) for written, wanted in pairs),
        sum(len(written) for written, _ in pairs),
        sum(len(wanted) for _, wanted in pairs),
        sum(repeats(written) and not repeats(wanted) for written, wanted in pairs),
    )


def edits(one: Sequence[int], other: Sequence[int]) -> int:
    """The fewest insertions, deletions and substitutions that make one sequence the other (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for at, left in enumerate(one, 1):
        diagonal, row[0] = row[0], at
        for place, right in enumerate(other, 1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (left != right))
    return row[-1]


def repeats(units: Sequence[int], longest: int = 4, times: int = 3) -> bool:
    """Whether a sequence of at most ``longest`` units stands ``times`` in a row."""
    return any(
        all(units[at + place] == units[at + place % length] for place in range(length, length * times))
        for length in range(1, longest + 1)
        for at in range(len(units) - length * times + 1)
    )
