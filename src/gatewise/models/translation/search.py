"""Beam search by state: the most probable targets of sources, each found as if it were alone."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..arguments import number, whole
from .batches import padded
from .coder import EncoderDecoder
from .units import BEGIN, END

_MOST = 1 << 22
"""Numbers in the largest array of one step, beside the logits."""
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

    Sources of one length are searched side by side, so that there is no padding: a source's hypotheses have the same
    bits whatever it is searched with. ratio: a target has at most so many units for each of its source, but at most
    ``longest``, and ten more.
    """
    found: dict[int, list[Hypothesis]] = {}
    for places in _of_equal_length(sources, beam.width, network.memory_size):
        most = most_units(len(sources[places[0]]), ratio, longest)
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
    totals = (scores[:, :, None] + gains.view(*scores.shape, -1)).flatten(1)
    found, places = totals.topk(2 * scores.shape[1])
    return found, places // gains.shape[1], places % gains.shape[1]


def _of_equal_length(sources: Sequence[Sequence[int]], width: int, memory: int) -> Iterator[list[int]]:
    """Places of sources that are searched together."""
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for at, source in enumerate(sources):
        by_length[len(source)].append(at)
    for length, places in by_length.items():
        most = max(1, _MOST // (width * memory * (length + 1)))
        for first in range(0, len(places), most):
            yield places[first : first + most]


@dataclass
class _Sentence:
    """The hypotheses of one source: those that ended, and the units of those that go on, by their rank."""

    ended: list[Hypothesis] = field(default_factory=list[Hypothesis])
    live: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])


class _Group:
    """A search for sources of one length. B of them go on, each with K hypotheses, which are rows B x K."""

    def __init__(self, network: EncoderDecoder, sources: list[Sequence[int]], beam: Beam, most: int) -> None:
        self.network, self.beam, self.most = network, beam, most
        encoded = network.encode(*padded(sources))
        self.memory, self.flipped = encoded.memory, encoded.memory.transpose(1, 2).contiguous()
        K = beam.width
        self.decoding = network.start(encoded.ends.repeat_interleave(K, 0))
        self.units = torch.full((len(sources) * K,), BEGIN)
        self.scores = torch.full((len(sources), K), -math.inf)
        self.scores[:, 0] = 0.0  # at first all K are the same
        self.sentences = [_Sentence(live=[()] * K) for _ in sources]
        self.running = list(self.sentences)

    def run(self) -> list[list[Hypothesis]]:
        """The hypotheses of each source that ended, the best first."""
        for length in range(1, self.most + 1):
            self._step(length)
            self._leave()
            if not self.running:
                break
        for sentence, (score, *_) in zip(self.running, self.scores.tolist(), strict=True):
            if not sentence.ended:  # the best hypothesis as it stands
                sentence.ended.append(Hypothesis(sentence.live[0], self.beam.score(score, self.most)))
        return [sorted(sentence.ended, key=lambda one: -one.score) for sentence in self.sentences]

    def _step(self, length: int) -> None:
        K = self.beam.width
        before, self.decoding = self.network.step(self.units, self.decoding, self.memory, self.flipped)
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

    def _leave(self) -> None:
        """Sources with K hypotheses that ended make room."""
        K = self.beam.width
        going = [at for at, sentence in enumerate(self.running) if len(sentence.ended) < K]
        if len(going) == len(self.running):
            return
        self.running = [self.running[at] for at in going]
        chosen = torch.tensor(going, dtype=torch.int64)
        rows = (chosen[:, None] * K + torch.arange(K)).flatten()
        self.memory, self.flipped, self.scores = self.memory[chosen], self.flipped[chosen], self.scores[chosen]
        self.units, self.decoding = self.units[rows], self.decoding.rows(rows)
