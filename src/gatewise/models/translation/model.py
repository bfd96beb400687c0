"""A translator that is fitted to pairs of sentences, translates, and is measured on other pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Tensor

from ... import fields
from ...equation import Cell
from ...errors import InputError
from ...fields import Fields
from ...nn.stored import check_finite, fill
from ...training import Progress
from ..arguments import cell_of, number, one_of, seconds, seed_of, whole
from ..network_estimator import NetworkEstimator, seeded
from . import scores
from .alignment import Alignment, align
from .batches import Pair
from .exported import ExportedTranslator, to_onnx
from .learning import Course, learn
from .network import Rates, Sizes, TranslationNetwork
from .pairs import UNITS, Vocabularies, check_pairs, checked, clean, cleaned, learnable, vocabularies
from .parts import Translation, cut, joined
from .probing import Probed, all_alike, probed
from .scores import TranslationScores
from .search import Beam, search
from .stored import VOCABULARIES, restored

if TYPE_CHECKING:
    from ...inspect.subject import Subject

_FEWEST = 300
"""Units of a vocabulary of subwords, at least: there is one for every byte."""
_LARGEST = 1 << 16
_LEAST_RATIO = 2.0


class Translator(NetworkEstimator):
    """Learns to turn one sequence into another: sentences into another language, spelling into phonemes, dates into
    another form.

    An encoder reads the source in both directions; a decoder writes the target, unit by unit, and at each looks back
    at the source by attention. The decoder's bottom layer reads target units alone, so that every recurrent layer, of
    any cell, runs over whole sequences at once.

    A sentence's translation has the same bits in whatever batch it is translated.

    Args:
        cell: The name of one of ``gatewise.cells``, or a cell of your own.
        units: What sequences are made of: ``"subwords"`` are learned from both sides together, ``"characters"``,
            ``"words"`` between blanks, or ``"auto"``: words for a side of short lines of few short words, such as
            phonemes, characters for one of few characters and short lines, else subwords.
        vocabulary_size: Subwords, or words of each side, that are learned at most; 300 to 65,536.
        hidden_size: Units of a layer of the decoder; a layer of the encoder has half of it in each direction.
        num_layers: Layers of the decoder.
        encoder_layers: Layers of the encoder.
        embedding_size: Numbers by which each unit is represented.
        dropout: The probability that a number is dropped, of embeddings, between layers and before the softmax, in
            training; at least 0, below 1.
        word_dropout: The probability that a source unit is not seen, in training; at least 0, below 1.
        label_smoothing: The share of probability that the loss wants spread over all units; at least 0, below 1.
        options: Further arguments of `gatewise.nn.Recurrent` by name.
        longest: Pairs with more units on a side are not learned from; a longer sentence is translated in parts.
        beam: Hypotheses kept in the search for a translation; 1 is greedy. At most 100.
        length_penalty: Hypotheses are compared by log p / length ** ``length_penalty``; 0 to 10.
        learning_rate: The peak of the one-cycle schedule (arXiv:1708.07120) of AdamW; above 0, at most 10.
        weight_decay: Of AdamW, 0 to 10.
        batch_size: Target units in a batch.
        max_epochs: Passes over the pairs; None for 12, and for more where these are fewer than 3,000 updates.
        budget: Time of training, in seconds, or as ``"15m"``; the learning rate falls so that it ends in time. None
            for no limit.
        random_state: None for another result each time, a whole number, or one of numpy's generators. The same number
            gives the same bits, on the same machine with the same ``n_jobs`` and no ``budget``.
        n_jobs: Threads; None for one, -1 for all cores.
        verbose: Whether a progress bar is shown on a terminal.

    Attributes:
        vocabularies_: What both sides are made of.
        network_: The trained network, a `torch.nn.Module`.
        notes_: What was left out of the training pairs, or changed, and why, a sentence each.
        pairs_: How many pairs were learned from.
        n_iter_: Epochs that were begun.
        loss_: The training loss in nats a unit, smoothed over the last updates.
    """

    _rules: ClassVar[Mapping[str, fields.Check]] = {
        **NetworkEstimator._rules,
        "units": partial(one_of, words=UNITS),
        "vocabulary_size": partial(whole, least=_FEWEST, most=_LARGEST),
        "encoder_layers": whole,
        "embedding_size": whole,
        "word_dropout": partial(number, low=0, high=1, open_high=True),
        "label_smoothing": partial(number, low=0, high=1, open_high=True),
        "longest": whole,
        "beam": whole,
        "length_penalty": partial(number, low=0, high=10),
        "max_epochs": fields.optional(whole),
        "budget": seconds,
    }

    vocabularies_: Vocabularies
    network_: TranslationNetwork
    notes_: tuple[str, ...]
    pairs_: int
    n_iter_: int
    loss_: float

    def __init__(
        self,
        cell: str | Cell = "lstm",
        *,
        units: str = "auto",
        vocabulary_size: int = 4_000,
        hidden_size: int = 384,
        num_layers: int = 2,
        encoder_layers: int = 1,
        embedding_size: int = 256,
        dropout: float = 0.3,
        word_dropout: float = 0.1,
        label_smoothing: float = 0.1,
        options: Mapping[str, Any] | None = None,
        longest: int = 200,
        beam: int = 5,
        length_penalty: float = 1.0,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.0,
        batch_size: int = 1_500,
        max_epochs: int | None = None,
        budget: float | str | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.cell, self.units, self.vocabulary_size = cell, units, vocabulary_size
        self.hidden_size, self.num_layers, self.encoder_layers = hidden_size, num_layers, encoder_layers
        self.embedding_size, self.dropout, self.word_dropout = embedding_size, dropout, word_dropout
        self.label_smoothing, self.options, self.longest = label_smoothing, options, longest
        self.beam, self.length_penalty = beam, length_penalty
        self.learning_rate, self.weight_decay, self.batch_size = learning_rate, weight_decay, batch_size
        self.max_epochs, self.budget = max_epochs, budget
        self.random_state, self.n_jobs, self.verbose = random_state, n_jobs, verbose

    def fit(self, source: Sequence[str], target: Sequence[str]) -> Self:
        """Learn from pairs. Whatever was learned before is forgotten.

        Args:
            source: N sentences, or other lines.
            target: Their N translations.

        Returns:
            This object, fitted.

        Raises:
            InputError: Parameters or pairs cannot be used: lists of unequal length, no pair of which neither line is
                blank. Pairs that are left out are told in ``notes_``.
        """
        seed = seed_of(self.random_state)
        course = self._translation_course(seed)
        self._beam()
        lines = cleaned(source, target)
        self.vocabularies_ = vocabularies(lines, self._argument("units"), self._argument("vocabulary_size"))
        encoded = list(map(self._encoded, lines.source, lines.target))
        pairs, left_out = learnable(encoded, self._argument("longest"))
        self.notes_, self.pairs_ = (*lines.notes, *left_out), len(pairs)
        self._ratio = max(_LEAST_RATIO, max(len(target) / len(source) for source, target in pairs))
        with self._threads():
            network = self._network(seed)
            ended, self.n_iter_ = learn(network, pairs, course)
        self.network_, self.loss_ = network.eval(), ended.loss
        return self

    def predict(self, source: Sequence[str]) -> list[str]:
        """Translate.

        Args:
            source: Sentences. A blank one stays blank, and control characters are read as blanks.

        Returns:
            The best translation of each.

        Raises:
            InputError: Before `fit`, and for anything but a list of strings.
        """
        return [found[0].text for found in self.translations(source)]

    def translations(self, source: Sequence[str], *, n_best: int = 1) -> list[list[Translation]]:
        """Translate, and say how probable each translation is.

        Args:
            source: As in `predict`.
            n_best: How many translations of each sentence, at most; 1 to ``beam``.

        Returns:
            For each sentence its translations, the best first.

        Raises:
            InputError: As `predict`, and for ``n_best`` above ``beam``.
        """
        self._check_fitted()
        beam = self._beam()
        most = whole("n_best", n_best, 1, beam.width)
        source_units, target_units = self.vocabularies_
        parts = [cut(source_units, clean(line), self.longest) for line in checked("source", source)]
        with self._threads():
            sources = [part for line in parts for part in line]
            found = iter(search(self.network_, sources, beam, self._ratio, self.longest))
        return [joined(target_units, [next(found)[:most] for _ in line]) for line in parts]

    def score(self, source: Sequence[str], target: Sequence[str]) -> float:
        """Measure translations by chrF2, which also suits short lines.

        Args:
            source: N sentences.
            target: Their N translations.

        Returns:
            0 to 100, higher is better.

        Raises:
            InputError: Before `fit`, and for lists that are not equally long.
        """
        sources, targets = check_pairs(source, target)
        return scores.chrf(self.predict(sources), list(map(clean, targets)))

    def evaluate(self, source: Sequence[str], target: Sequence[str]) -> TranslationScores:
        """Translate, and compare with references by every measure that `TranslationScores` has.

        Args:
            source: N sentences.
            target: Their N translations.

        Returns:
            The scores, and the translations.

        Raises:
            InputError: As `score`, and where no pair has two lines that are not blank.
        """
        sources, references = check_pairs(source, target)
        lines = cleaned(sources, references)
        probed = self._probed(lines.source, lines.target)
        translations, references = self.predict(sources), list(map(clean, references))
        errors = scores.unit_errors(self.vocabularies_.target, translations, references)
        return TranslationScores(
            len(sources),
            scores.metrics(translations, references),
            sum(map(str.__eq__, translations, references)) / len(sources),
            errors.edits / max(errors.wanted, 1),
            probed.nats,
            errors.written / max(errors.wanted, 1),
            errors.repeating / len(sources),
            tuple(translations),
            (*probed.notes, *all_alike(sources, translations)),
        )

    def align(self, source: str, target: str | None = None) -> Alignment:
        """Show what each word of a translation attended to.

        Args:
            source: A sentence.
            target: Its translation; None for the model's own.

        Returns:
            An `Alignment`, with a check of what attention says.

        Raises:
            InputError: Before `fit`; either side is blank, or longer than ``longest``.
        """
        _, units = self._pair(source, target)
        with self._threads():
            return align(self.network_, self.vocabularies_, *units)

    def subject(self, source: str, target: str | None = None, *, output: str | None = None) -> Subject:
        """What the decoder remembers and attends to as it writes, for `gatewise.inspect.look_inside`.

        Args:
            source: A sentence.
            target: Its translation; None for the model's own.
            output: The unit of the translation that is shown first, by its number from 1; by default the first.

        Returns:
            A `Subject`, of the decoder's upper layers: a number for each unit of the translation, how far its logit is
            above the mean of all, which is a sum over what was attended to and what was written before.

        Raises:
            InputError: As `align`, and for an output that does not exist.
        """
        from .subject import subject_of

        written, units = self._pair(source, target)
        with self._threads():
            subject = subject_of(self.network_, self.vocabularies_, units, output)
        return replace(subject, about=(("Source", clean(source)), ("Translation", written)))

    def _pair(self, source: str, target: str | None) -> tuple[str, Pair]:
        """A translation, the model's own where there is none, and the units of both."""
        self._check_fitted()
        written = self.predict([source])[0] if target is None else clean(target)
        units = self._encoded(clean(source), written)
        for name, side in zip(("source", "target"), units, strict=True):
            if not 0 < len(side) <= self.longest:
                raise InputError(f"{name} has {len(side)} units", hint=f"give a line of 1 to {self.longest} units")
        return written, units

    def to_onnx(self, folder: str | Path, *, name: str = "model", tolerance: float | None = None) -> ExportedTranslator:
        """Write an encoder, a decoder of one unit, and the vocabularies, for runtimes of ONNX (opset 17).

        A search is a loop around the decoder, whose states are tensors of the caller's.

        Args:
            folder: Where to.
            name: Files are ``NAME_encoder.onnx``, ``NAME_decoder.onnx`` and ``NAME_units.json``.
            tolerance: The largest difference allowed between ONNX Runtime and the network on units drawn at random,
                relative to the largest number of an output or to 1; by default that of `gatewise.export.to_onnx`.

        Returns:
            The files, their inputs and outputs, and the differences.

        Raises:
            InputError: Before `fit`, for a path that cannot be written, or a difference beyond the tolerance. Nothing
                is written then.
            ModuleNotFoundError: Where ``onnx`` or ``onnxruntime`` is missing (``pip install 'gatewise[export]'``).
        """
        self._check_fitted()
        with self._threads():
            return to_onnx(self.network_, self.vocabularies_, Path(folder), name, tolerance)

    def _encoded(self, source: str, target: str) -> Pair:
        return self.vocabularies_.source.encode(source), self.vocabularies_.target.encode(target)

    def _probed(self, source: Sequence[str], target: Sequence[str]) -> Probed:
        """How probable references are, and whether they would be more so the other way round."""
        self._check_fitted()
        pairs = [pair for pair in map(self._encoded, source, target) if max(map(len, pair)) <= self.longest]
        turned = [pair for pair in map(self._encoded, target, source) if max(map(len, pair)) <= self.longest]
        with self._threads():
            return probed(self.network_, pairs, turned, self.batch_size)

    def _beam(self) -> Beam:
        return Beam(self._argument("beam"), self._argument("length_penalty"))

    def _translation_course(self, seed: int) -> Course:
        return Course(
            self._argument("learning_rate"),
            self._argument("weight_decay"),
            self._argument("batch_size"),
            self._argument("max_epochs"),
            self._argument("budget"),
            self._argument("label_smoothing"),
            seed,
            (Progress(),) if self.verbose else (),
        )

    def _network(self, seed: int) -> TranslationNetwork:
        source, target = self.vocabularies_
        sizes = Sizes(
            source.size,
            None if self.vocabularies_.shared else target.size,
            self._argument("embedding_size"),
            self._argument("hidden_size"),
            self._argument("encoder_layers"),
            self._argument("num_layers"),
        )
        rates = Rates(self._argument("dropout"), self._argument("word_dropout"))
        with seeded(seed):
            return TranslationNetwork(cell_of(self.cell), sizes, rates, dict(self.options or {}))

    def _learned(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        source, target = self.vocabularies_
        sides = [source] if self.vocabularies_.shared else [source, target]
        fitted = {
            "vocabularies": [side.state() for side in sides],
            "ratio": self._ratio,
            "notes": list(self.notes_),
            "pairs": self.pairs_,
            "epochs": self.n_iter_,
            "loss": self.loss_,
        }
        return self.network_.state_dict(), fitted

    @classmethod
    def _fitted_fields(cls, most: int) -> Fields:
        return Fields(
            {
                "vocabularies": VOCABULARIES,
                "ratio": fields.number(_LEAST_RATIO, _LARGEST),
                "notes": fields.listed(fields.text),
                "pairs": fields.whole(1),
                "epochs": fields.whole(1),
                "loss": fields.number(),
            }
        )

    def _restore(self, tensors: Mapping[str, Tensor], fitted: Mapping[str, Any]) -> None:
        self.vocabularies_, self._ratio = restored(fitted["vocabularies"]), fitted["ratio"]
        self.notes_, self.pairs_ = tuple(fitted["notes"]), fitted["pairs"]
        self.n_iter_, self.loss_ = fitted["epochs"], fitted["loss"]
        with torch.device("meta"):
            self.network_ = self._network(0)
        fill(self.network_, tensors, torch.get_default_dtype())
        check_finite(self.network_.state_dict())
        self.network_.eval()
