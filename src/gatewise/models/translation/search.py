"""Beam search by state: the most probable targets of sources, each found as if it were alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch
from torch import Tensor

from ..arguments import number, whole
from .batches import padded
from .coder import EncoderDecoder
from .network import Memories
from .units import BEGIN, END

_MOST, _ROWS = 1 << 22, 512
"""Numbers in the largest array of one step, beside the logits; hypotheses in a step, which is work enough for it."""
_LARGEST_BEAM, _GRACE = 100, 10


@dataclass(frozen=True)
class Beam:
    """How targets are searched for.

    width: hypotheses kept at each step; 1 is greedy. length_penalty: log p is divided by the length to this power, as
    in Wu et al., arXiv:1609.08144, section 7; 0 compares log p itself. Raises InputError for a width below 1 or above
    100, or a penalty outside 0 to 10.
    """

    width: int = 5
    length_penalty: float = 1.0

    def __post_init__(self) -> None:
        whole("beam", self.width, 1, _LARGEST_BEAM)
        number("length_penalty", self.length_penalty, 0, 10)

    def score(self, log_probability: float, length: int) -> float:
        """What hypotheses are compared by: higher is better."""
        return log_probability / length**self.length_penalty


@dataclass(frozen=True)
class Hypothesis:
    """units: without what begins and ends them. score: see `Beam.score`."""

    units: tuple[int, ...]
    score: float


@torch.inference_mode()
def search(
    network: EncoderDecoder, sources: Sequence[Sequence[int]], beam: Beam, ratio: float, longest: int
) -> list[list[Hypothesis]]:
    """For each source the hypotheses that ended, the best first; at least one, at most ``beam.width``.

    Sources of similar length are searched side by side, without padding: a source's hypotheses have the same bits
    whatever it is searched with. ratio: a target has at most so many units for each of its source, but at most
    ``longest``, and ten more.
    """
    found: dict[int, list[Hypothesis]] = {}
    for places in _of_similar_length(sources, beam.width, network.memory_size):
        most = [most_units(len(sources[at]), ratio, longest) for at in places]
        group = _Group(network, [sources[at] for at in places], beam, most)
        found |= dict(zip(places, group.run(), strict=True))
    return [found[at] for at in range(len(sources))]


def most_units(source: int, ratio: float, longest: int) -> int:
    """How many units are written at most for a source of so many; see `search`."""
    return min(math.ceil(ratio * source), longest) + _GRACE


def best(logits: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The 2 K best ways to go on with K hypotheses of each of B sources: as at most K of them end, at least K go on.

    logits: (B K, V) of the next unit. scores: (B, K), log p so far. Returns log p then, whose hypothesis, and the unit,
    (B, 2 K) each, the best first.
    """
    gains = logits.log_softmax(1)
    gains[:, :END] = -math.inf  # nothing unknown is written, and nothing begins again
    totals = gains.view(*scores.shape, -1).add_(scores[:, :, None]).flatten(1)
    found, places = totals.topk(2 * scores.shape[1])
    return found, places // gains.shape[1], places % gains.shape[1]


def _of_similar_length(sources: Sequence[Sequence[int]], width: int, memory: int) -> Iterator[list[int]]:
    """Places of sources that are searched together, by their lengths."""
    together, numbers = list[int](), 0
    for at in sorted(range(len(sources)), key=lambda at: len(sources[at])):
        own = width * memory * (len(sources[at]) + 1)
        if together and (numbers + own > _MOST or (len(together) + 1) * width > _ROWS):
            yield together
            together, numbers = [], 0
        together.append(at)
        numbers += own
    if together:
        yield together


@dataclass
class _Sentence:
    """The hypotheses of one source: those that ended, and the units of those that go on, by their rank.

    most: units of a target.
    """

    most: int
    live: list[tuple[int, ...]]
    ended: list[Hypothesis] = field(default_factory=list[Hypothesis])


class _Group:
    """A search for sources, sorted by length. B of them go on, each with K hypotheses, which are rows B x K."""

    def __init__(self, network: EncoderDecoder, sources: list[Sequence[int]], beam: Beam, most: list[int]) -> None:
        self.network, self.beam = network, beam
        encoded = [network.encode(*padded(list(equal))) for _, equal in groupby(sources, len)]
        self.memories = [Memories.of(one.memory) for one in encoded]
        K = beam.width
        self.decoding = network.start(torch.cat([one.ends for one in encoded]).repeat_interleave(K, 0))
        self.units = torch.full((len(sources) * K,), BEGIN)
        self.scores = torch.full((len(sources), K), -math.inf)
        self.scores[:, 0] = 0.0  # at first all K are the same
        self.sentences = [_Sentence(one, [()] * K) for one in most]
        self.running = list(self.sentences)

    def run(self) -> list[list[Hypothesis]]:
        """The hypotheses of each source that ended, the best first."""
        length = 0
        while self.running:
            length += 1
            self._step(length)
            self._leave(length)
        return [sorted(sentence.ended, key=lambda one: -one.score) for sentence in self.sentences]

    def _step(self, length: int) -> None:
        K = self.beam.width
        before, self.decoding = self.network.step(self.units, self.decoding, self.memories)
        scores, origins, units = best(self.network.logits(before), self.scores)
        for sentence, row in enumerate(zip(scores.tolist(), origins.tolist(), units.tolist(), strict=True)):
            self._end(self.running[sentence], row, length)
        going = (units == END).int().argsort(dim=1, stable=True)[:, :K]
        self._go_on(scores.gather(1, going), origins.gather(1, going), units.gather(1, going))

    def _end(self, sentence: _Sentence, row: tuple[list[float], list[int], list[int]], length: int) -> None:
        """Keep those of the best K that end here."""
        for score, origin, unit in list(zip(*row, strict=True))[: self.beam.width]:
            if unit == END and score > -math.inf:
                sentence.ended.append(Hypothesis(sentence.live[origin], self.beam.score(score, length)))

    def _go_on(self, scores: Tensor, origins: Tensor, units: Tensor) -> None:
        K = self.beam.width
        rows = (torch.arange(len(origins))[:, None] * K + origins).flatten()
        self.scores, self.units, self.decoding = scores, units.flatten(), self.decoding.rows(rows)
        for sentence, kept, new in zip(self.running, origins.tolist(), units.tolist(), strict=True):
            sentence.live = [(*sentence.live[origin], unit) for origin, unit in zip(kept, new, strict=True)]

    def _leave(self, length: int) -> None:
        """Sources with K hypotheses that ended make room, and those whose targets become too long."""
        K = self.beam.width
        going = [len(one.ended) < K and length < one.most for one in self.running]
        if all(going):
            return
        for sentence, goes, (score, *_) in zip(self.running, going, self.scores.tolist(), strict=True):
            if not (goes or sentence.ended):  # the best hypothesis as it stands
                sentence.ended.append(Hypothesis(sentence.live[0], self.beam.score(score, length)))
        self.running = [one for one, goes in zip(self.running, going, strict=True) if goes]
        kept = torch.tensor(going)
        parts = kept.split([len(one.memory) for one in self.memories])
        self.memories = [
            Memories(one.memory[part], one.flipped[part])
            for one, part in zip(self.memories, parts, strict=True)
            if part.any()
        ]
        rows = kept.repeat_interleave(K).nonzero()[:, 0]
        self.scores, self.units, self.decoding = self.scores[kept], self.units[rows], self.decoding.rows(rows)
