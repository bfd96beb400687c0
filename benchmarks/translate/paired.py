"""BLEU of several systems on the same sentences, and how far differences would move with others.

Koehn, Statistical Significance Tests for Machine Translation Evaluation, W04-3250, section 3, over sentences and seeds
at once. `gatewise.models.compare.bootstrap` has the same plan for scores that are means; BLEU is not one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU

from gatewise.models.compare.bootstrap import Interval, interval

Floats = NDArray[np.float64]
DRAWS = 2_000
_ORDER = 4
_AT_ONCE = 100  # draws


class Difference(NamedTuple):
    """Of a system from the one that it is compared with. share: of draws whose sign is the other one, doubled, at most
    1: a two-sided p-value."""

    value: float
    interval: Interval
    share: float


def statistics(translations: Sequence[str], references: Sequence[str]) -> Floats:
    """What the lowercased BLEU of any selection of N sentences is made of, (N, 10): matches and counts of n-grams, of
    length 1 to 4 each, and the lengths of translation and reference."""
    metric = BLEU(lowercase=True, effective_order=True)
    scores = [metric.sentence_score(one, [other]) for one, other in zip(translations, references, strict=True)]
    return np.array([[*one.counts, *one.totals, one.sys_len, one.ref_len] for one in scores], np.float64)


def bleu(sums: Floats) -> Floats:
    """Of summed statistics (..., 10), with sacrebleu's exponential smoothing of n-grams without a match."""
    matches, counts = sums[..., :_ORDER], np.maximum(sums[..., _ORDER : 2 * _ORDER], 1)
    halvings = 2.0 ** np.cumsum(matches == 0, axis=-1)
    precisions = np.where(matches > 0, matches, 1 / halvings) / counts
    length, wanted = np.maximum(sums[..., -2], 1), sums[..., -1]
    score = 100 * np.exp(np.log(precisions).mean(-1) + np.minimum(0, 1 - wanted / length))
    return np.where(matches.any(-1), score, 0.0)


def resampled(systems: Mapping[str, Floats], seed: int = 0, draws: int = DRAWS) -> dict[str, Floats]:
    """Mean BLEU over seeds, with sentences and seeds drawn again: of each system (draws,).

    systems: of each (S, N, 10), for S seeds of its own and the N sentences that all share.
    """
    generator = np.random.default_rng(seed)
    sentences = next(iter(systems.values())).shape[1]
    parts: dict[str, list[Floats]] = {name: [] for name in systems}
    for first in range(0, draws, _AT_ONCE):
        size = min(_AT_ONCE, draws - first)
        counts = generator.multinomial(sentences, np.full(sentences, 1 / sentences), size=size)
        for name, table in systems.items():
            weights = generator.multinomial(len(table), np.full(len(table), 1 / len(table)), size=size) / len(table)
            sums = np.einsum("dn,snk->dsk", counts.astype(np.float64), table, optimize=True)
            parts[name].append((bleu(sums) * weights).sum(1))
    return {name: np.concatenate(part) for name, part in parts.items()}


def differences(systems: Mapping[str, Floats], base: str) -> dict[str, Difference]:
    """Of every other system from one of them."""
    drawn = resampled(systems)
    means = {name: float(bleu(table.sum(1)).mean()) for name, table in systems.items()}
    made: dict[str, Difference] = {}
    for name in systems:
        if name != base:
            gaps, value = drawn[name] - drawn[base], means[name] - means[base]
            share = min(1.0, 2 * float(np.mean(gaps <= 0 if value > 0 else gaps >= 0)))
            made[name] = Difference(value, interval(gaps), share)
    return made
