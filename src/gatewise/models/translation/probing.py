"""What a test set says beside its scores: how probable its references are, and what looks wrong with it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .batches import Pair
from .learning import mean_loss
from .network import TranslationNetwork

_PROBED = 100
"""Pairs by which swapped columns are noticed."""


class Probed(NamedTuple):
    """nats: the mean loss of a target unit. notes: what looks wrong, a sentence each."""

    nats: float
    notes: tuple[str, ...]


def probed(network: TranslationNetwork, pairs: Sequence[Pair], turned: Sequence[Pair], batch_size: int) -> Probed:
    """How probable the targets of pairs are, and whether they would be more so the other way round, as ``turned``."""
    nats = mean_loss(network, pairs, batch_size) if pairs else math.nan
    swapped = bool(turned) and nats > mean_loss(network, turned[:_PROBED], batch_size)
    words = "the columns look swapped: the sources are more probable translations than the targets"
    return Probed(nats, (words,) if swapped else ())


def all_alike(sources: Sequence[str], translations: Sequence[str]) -> Iterator[str]:
    """One translation for everything is the commonest way in which training fails."""
    if len(set(sources)) > 1 and len(set(translations)) == 1:
        yield "every sentence has the same translation: the model has learned too little"
