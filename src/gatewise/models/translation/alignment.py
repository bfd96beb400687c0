"""Which source word each target word attended to, and whether taking the word away changes the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .batches import batch_of
from .learning import logits_of
from .network import TranslationNetwork
from .pairs import Vocabularies
from .units import Words

Floats = NDArray[np.float64]
_ENDING = "(end)"
_AT_ONCE = 64
"""Sources, each without one of its words, in one batch."""


@dataclass(frozen=True)
class Alignment:
    """Attention between the words of a sentence and of its translation.

    Letters: I source words, J target words.

    Attributes:
        source: The I words, and last what stands for the end of the sentence.
        target: The J words.
        weights: (J, I + 1), the share of its attention that each target word gave to each source word: subwords of a
            source word added, those of a target word averaged. Every row sums to one.
        falls: (J, I), by how much the log-probability of each target word falls, in nats, where one source word is
            taken away; what attention is held against.
        agreement: Spearman's rank correlation of ``weights`` without the end and ``falls``, over all J x I; nan where
            either is constant. Attention near 0 says little of what the model used.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: Floats
    falls: Floats
    agreement: float

    def links(self) -> list[tuple[int, int]]:
        """For each target word the source word with the largest weight, as (source, target), both from 0.

        A target word whose largest weight is on the end has none.
        """
        largest = self.weights.argmax(1).tolist()
        return [(place, word) for word, place in enumerate(largest) if place < len(self.source) - 1]

    def moses(self) -> str:
        """The links of one sentence as Moses and Marian write them: ``0-0 1-2``."""
        return " ".join(f"{source}-{target}" for source, target in sorted(self.links()))


@torch.inference_mode()
def align(
    network: TranslationNetwork, vocabularies: Vocabularies, source: Sequence[int], target: Sequence[int]
) -> Alignment:
    """The alignment of two sequences of units, the target read as if it had been written."""
    source_words, target_words = vocabularies.source.words(source), vocabularies.target.words(target)
    weights = _added(_attention(network, source, target), source_words, target_words)
    falls = _falls(network, source, target, source_words, target_words)
    return Alignment(
        (*(word for word, _ in source_words), _ENDING),
        tuple(word for word, _ in target_words),
        weights,
        falls,
        rank_correlation(weights[:, :-1].ravel(), falls.ravel()),
    )


def _attention(network: TranslationNetwork, source: Sequence[int], target: Sequence[int]) -> Floats:
    """(T + 1, S + 1), the ends included."""
    batch = batch_of([(list(source), list(target))])
    encoded = network.encode(batch.source, batch.source_lengths)
    _, weights = network.decode(batch.target[:-1], batch.target_lengths, encoded)
    return weights[0].double().mean(0).numpy()  # of all heads


def _added(weights: Floats, source_words: Words, target_words: Words) -> Floats:
    """Units as words, (J, I + 1)."""
    columns = [weights[:, places].sum(1) for _, places in source_words]
    by_word = np.stack([*columns, weights[:, -1]], axis=1)
    means = [by_word[places].mean(0) for _, places in target_words]
    return np.stack(means) if means else np.zeros((0, by_word.shape[1]))


def _falls(
    network: TranslationNetwork,
    source: Sequence[int],
    target: Sequence[int],
    source_words: Words,
    target_words: Words,
) -> Floats:
    shorter = [[unit for at, unit in enumerate(source) if at not in places] for _, places in source_words]
    whole = _log_probabilities(network, [list(source)], target, target_words)
    without = [
        _log_probabilities(network, shorter[first : first + _AT_ONCE], target, target_words)
        for first in range(0, len(shorter), _AT_ONCE)
    ]
    return (whole - np.concatenate(without)).T if without else np.zeros((len(target_words), 0))


def _log_probabilities(
    network: TranslationNetwork, sources: Sequence[list[int]], target: Sequence[int], words: Words
) -> Floats:
    """Of each target word given each source, (N, J)."""
    batch = batch_of([(source, list(target)) for source in sources])
    logits, targets = logits_of(network, batch)
    chosen = logits.double().log_softmax(1).gather(1, targets[:, None])
    by_unit = chosen.view(len(target) + 1, len(sources)).T.numpy()
    return np.stack([by_unit[:, places].sum(1) for _, places in words], axis=1)


def rank_correlation(one: Floats, other: Floats) -> float:
    """Spearman's: that of the ranks, equal values sharing their mean rank; nan where either is constant."""
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(values: Floats) -> Floats:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = counts.cumsum()
    return (ends - (counts - 1) / 2)[place]
