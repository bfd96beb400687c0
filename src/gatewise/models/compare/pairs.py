"""Translations of lines as a task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ...errors import InputError, argument
from ...tables.sequences import Whole
from ...training import Source
from ...words import count
from ..arguments import one_of, whole
from ..sequence.targets import held_out
from ..translation.batches import ByLength, Pair, padded
from ..translation.coder import EncoderDecoder
from ..translation.learning import logits_of, mean_loss
from ..translation.network import Memories
from ..translation.pairs import (
    FEWEST_UNITS,
    LONGEST,
    MOST_UNITS,
    UNITS,
    Lines,
    Vocabularies,
    cleaned,
    learnable,
    repeated,
    vocabularies,
)
from ..translation.parts import Reach, translated
from ..translation.search import Beam
from .measure import Floats, Measure
from .nearest import nearest_rows
from .task import Around, Course, Floor, MakeTranslator, Part, Stepwise, Units

TEST, VALIDATION, MOST_TEST, MOST_VALIDATION = 0.25, 0.2, 1_000, 500
"""The share of all sources that is held out for the test, where there is none, and of the others for validation; and
how many at most."""
VOCABULARY = 2_000
BATCH, SMOOTHING = 1_500, 0.1
"""Target units in a batch, and the share of probability that the loss wants spread over all."""
_PER_UNIT, _FEWEST_PARAMETERS = 256, 100_000
"""Parameters of a network if nobody says: so many for each unit of the vocabularies, and so many at least."""
_GREEDY = Beam(1)
_USUAL = 0.99
"""The share of pairs that are no longer, for their sources, than a translation may become."""


class Split(NamedTuple):
    """Pairs of units to learn from and to choose learning rates by, and lines to be translated with what is wanted."""

    learn: list[Pair]
    validate: list[Pair]
    sources: list[str]
    wanted: list[str]

    @property
    def known(self) -> list[Pair]:
        """All but the test."""
        return [*self.learn, *self.validate]


class Writing(nn.Module):
    """The decoder of a network that has read a source, as a `Body`: a step reads the number of a unit.

    Its state is what the encoder says of the source, and what the decoder keeps of the units.
    """

    def __init__(self, network: nn.Module, source: Sequence[int]) -> None:
        super().__init__()
        self.network, self._coder = network, _coder(network)
        with torch.inference_mode():
            self._encoded = self._coder.encode(*padded([source]))
        self.output_size = self._encoded.memory.shape[2]

    @torch.inference_mode()
    def forward(self, x: Tensor, state: Any = None, lengths: Tensor | None = None) -> tuple[Tensor, Any]:
        """Units (T, 1, 1) to what stands before the softmax, (T, 1, E), and the state after the last."""
        memory, decoding = state or (self._encoded.memory, self._coder.start(self._encoded.ends))
        outputs: list[Tensor] = []
        memories = [Memories.of(memory)]
        for units in x[:, :, 0].long():
            before, decoding = self._coder.step(units, decoding, memories)
            outputs.append(before)
        return torch.stack(outputs), (memory, decoding)


class Chosen(nn.Module):
    """The most probable unit."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self._coder = network, _coder(network)

    @torch.inference_mode()
    def forward(self, before: Tensor) -> Tensor:
        """What stands before the softmax, (N, E), to numbers (N,)."""
        return self._coder.logits(before).argmax(1)


class PairTask:
    """Lines, each to be turned into another; see `Task`.

    notes: on what was left out.
    """

    name = "translate"
    measure = Measure("chrF2", "points", higher=True, indifference=1.0)
    around: Around = "translator"
    width = 1

    def __init__(self, split: Split, made_of: Vocabularies, source: str, notes: tuple[str, ...]) -> None:
        self.split, self.vocabularies, self.source = split, made_of, source
        self.items = len(split.sources)
        self.longest = 1 + max(len(target) for _, target in split.known)
        self._longest_source = max((one for one, _ in split.known), key=len)
        ratios = [len(target) / len(one) for one, target in split.known]
        self._reach = Reach(float(np.quantile(ratios, _USUAL)), LONGEST)
        sizes = {id(side): side.size for side in made_of}
        self.course = Course(
            "all read the source in both directions, and the translation forwards",
            "a unit of the translation each, of the longest source, read before",
            max(_FEWEST_PARAMETERS, _PER_UNIT * sum(sizes.values())),
        )
        self.about = (_described(split, made_of), *notes)

    def network(self, make: MakeTranslator) -> nn.Module:
        """The encoder-decoder itself."""
        source, target = self.vocabularies
        network = make(Units(source.size, None if self.vocabularies.shared else target.size))
        assert isinstance(network, nn.Module)
        return network

    def stepwise(self, network: nn.Module) -> Stepwise:
        """The decoder, after the longest source, and the choice of a unit."""
        return Stepwise(Writing(network, self._longest_source), Chosen(network))

    def batches(self, part: Part, seed: int) -> Source:
        """Pairs of similar lengths together, each once in a pass."""
        return ByLength(self.split.learn if part == "learn" else self.split.known, BATCH, seed=seed)

    def loss(self, network: nn.Module, batch: Any) -> Tensor:
        """Mean nats of a target unit, with label smoothing."""
        logits, targets = logits_of(_coder(network), batch)
        return cross_entropy(logits, targets, label_smoothing=SMOOTHING)

    def validation(self, network: nn.Module) -> float:
        """Mean nats of a target unit, without smoothing."""
        return mean_loss(_coder(network.eval()), self.split.validate, BATCH)

    def scores(self, network: nn.Module) -> Floats:
        """chrF2 of each greedy translation."""
        found = translated(_coder(network.eval()), self.vocabularies, self.split.sources, _GREEDY, self._reach)
        return self._scored([line[0].text for line in found])

    def floors(self) -> list[Floor]:
        """The translation of the most similar source that was learned from, and the source as it is."""
        source, target = self.vocabularies
        known = self.split.known
        rows = nearest_rows(
            [source.encode(line) for line in self.split.sources], [one for one, _ in known], source.size
        )
        said = {
            "nearest source": [target.decode(known[row][1]) for row in rows],
            "the source itself": self.split.sources,
        }
        return [Floor(name, self._scored(lines)) for name, lines in said.items()]

    def _scored(self, lines: Sequence[str]) -> Floats:
        from sacrebleu.metrics.chrf import CHRF

        metric = CHRF()
        pairs = zip(lines, self.split.wanted, strict=True)
        return np.array([metric.sentence_score(line, [wanted]).score for line, wanted in pairs])


def translation(
    sources: Sequence[str],
    targets: Sequence[str],
    *,
    test: tuple[Sequence[str], Sequence[str]] | None = None,
    units: str = "auto",
    vocabulary_size: int = VOCABULARY,
    seed: int = 0,
    source: str = "data",
) -> PairTask:
    """Translations of lines, to be written by each model.

    Args:
        sources: N lines, as `Translator.fit` takes them.
        targets: Their N translations.
        test: Lines and translations to be tested on; None holds out a quarter of the different sources, 1,000 at most.
        units: What lines are made of, as of `Translator`.
        vocabulary_size: Subwords, or words of each side, at most; 300 to 65,536.
        seed: Of what is held out.
        source: What the data are called on the page.

    Returns:
        A task for `compare`.

    Raises:
        InputError: The pairs cannot be used, or are too few to hold anything out.
        ModuleNotFoundError: sacrebleu is missing, or, of subwords, sentencepiece (``pip install
            'gatewise[translate]'``).
    """
    import_module("sacrebleu")  # a missing one is told now rather than after the training
    one_of("units", units, words=UNITS)
    whole("vocabulary_size", vocabulary_size, FEWEST_UNITS, MOST_UNITS)
    lines = cleaned(sources, targets)
    notes = list(lines.notes)
    if test is None:
        learned, tested = _apart(lines, TEST, MOST_TEST, seed)
    else:
        learned, tested = lines, cleaned(*test)
        notes += _of_test(learned, tested)
    made_of = vocabularies(learned, units, vocabulary_size)
    encoded = [
        (made_of.source.encode(one), made_of.target.encode(other))
        for one, other in zip(learned.source, learned.target, strict=True)
    ]
    pairs, left_out = learnable(encoded, LONGEST)
    learn, validate = _parted(pairs, VALIDATION, MOST_VALIDATION, seed)
    if not (learn and validate and tested.source):
        hint = f"give {int(1 / VALIDATION / (1 - TEST)) + 1} different ones or more"
        raise InputError(f"{count(len(lines.source), 'pair')} are too few to hold any out", hint=hint)
    return PairTask(Split(learn, validate, tested.source, tested.target), made_of, source, (*notes, *left_out))


def _apart(lines: Lines, share: float, most: int, seed: int) -> tuple[Lines, Lines]:
    """Lines to learn from and lines held out, which have no source in common."""
    rows = _rows_apart(lines.source, share, most, seed)
    first, second = (Lines([lines.source[at] for at in part], [lines.target[at] for at in part], ()) for part in rows)
    return first, second


def _parted(pairs: Sequence[Pair], share: float, most: int, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Pairs to learn from and pairs held out, likewise."""
    first, second = (
        [pairs[at] for at in part] for part in _rows_apart([tuple(one) for one, _ in pairs], share, most, seed)
    )
    return first, second


def _rows_apart(keys: Sequence[Any], share: float, most: int, seed: int) -> tuple[Whole, Whole]:
    """Rows to keep and rows held out: those of a share of the different keys, and of so many at most."""
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    of_row = np.array([places[key] for key in keys])
    share = min(share, most / max(1, len(places)))
    _, chosen = held_out(np.zeros(len(places), np.int64), share, seed)
    out = np.isin(of_row, chosen)
    return np.flatnonzero(~out), np.flatnonzero(out)


def _of_test(learned: Lines, tested: Lines) -> Iterator[str]:
    """What a test of the user's own shares with what is learned from, and what of it is left out."""
    yield from (f"of {argument('test')}, {note}" for note in tested.notes)
    if known := repeated(learned.source, tested.source):
        yield f"{known:,} of {count(len(tested.source), 'source')} of the test are among those learned from"


def _described(split: Split, made_of: Vocabularies) -> str:
    source, target = made_of
    units = f"{source.size:,} {source.kind}" + ("" if made_of.shared else f" and {target.size:,} {target.kind}")
    return (
        f"{count(len(split.known) + len(split.sources), 'pair')} of lines, made of {units}: {len(split.learn):,} to "
        f"learn from, {len(split.validate):,} to choose the learning rate by, {len(split.sources):,} to test on; the "
        "chosen rate learns from both of the former. The score is sacrebleu's chrF2 of each line, averaged; "
        "translations are greedy."
    )


def _coder(network: nn.Module) -> EncoderDecoder:
    """The network as what it is: every one that this task builds."""
    coder: Any = network
    return coder
