"""A translator that is fitted to pairs of sentences, translates, and is measured on other pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from ... import fields
from ...equation import Cell
from ...fields import Fields
from ...nn.stored import check_finite, fill
from ...training import Progress
from ...training.update import PRECISIONS
from ..arguments import cell_of, number, one_of, options_of, seconds, seed_of, whole
from ..network_estimator import NetworkEstimator, seeded
from .batches import Pair, Respelling
from .fitted import FittedTranslator
from .learning import Course, learn
from .network import Rates, Sizes, TranslationNetwork
from .pairs import FEWEST_UNITS, LONGEST, MOST_UNITS, UNITS, cleaned, learnable, respelled, vocabularies
from .stored import VOCABULARIES, restored

_LEAST_RATIO = 2.0


class Translator(FittedTranslator):
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
        heads: Of the attention, which share the units of the encoder among them; a divisor of their number.
        dropout: The probability that a number is dropped, of embeddings, between layers and before the softmax, in
            training; at least 0, below 1.
        word_dropout: The probability that a source unit is not seen, in training; at least 0, below 1.
        subword_dropout: The probability that a merge of subwords is left out in training, drawn anew in each epoch, so
            that a word is met in many spellings (BPE dropout, Provilkov et al., arXiv:1910.13267); at least 0, below 1.
            Sequences become longer by it. Characters and words have no merges.
        label_smoothing: The share of probability that the loss wants spread over all units; at least 0, below 1.
        options: Further arguments of `gatewise.nn.Recurrent` by name.
        longest: Pairs with more units on a side are not learned from; a longer sentence is translated in parts.
        beam: Hypotheses kept in the search for a translation; 1 is greedy. At most 100.
        length_penalty: Hypotheses are compared by log p / length ** ``length_penalty``; 0 to 10.
        learning_rate: The peak of the one-cycle schedule (arXiv:1708.07120) of AdamW; above 0, at most 10.
        weight_decay: Of AdamW, 0 to 10.
        averaging: The share of the run, at its end, over which weights are averaged; 0 for the last weights.
        batch_size: Target units in a batch.
        precision: What training works in: ``"float32"``, or ``"bfloat16"`` or ``"float16"`` for torch's autocast, with
            weights and their updates in float32. Bfloat16 is quicker where the processor multiplies in it, as those
            with AVX512_BF16 do. Translations are searched for in float32 whatever it is.
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
        "vocabulary_size": partial(whole, least=FEWEST_UNITS, most=MOST_UNITS),
        "encoder_layers": whole,
        "embedding_size": whole,
        "heads": whole,
        "word_dropout": partial(number, low=0, high=1, open_high=True),
        "subword_dropout": partial(number, low=0, high=1, open_high=True),
        "averaging": partial(number, low=0, high=1),
        "label_smoothing": partial(number, low=0, high=1, open_high=True),
        "precision": partial(one_of, words=PRECISIONS),
        "longest": whole,
        "beam": whole,
        "length_penalty": partial(number, low=0, high=10),
        "max_epochs": fields.optional(whole),
        "budget": seconds,
    }

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
        hidden_size: int = 256,
        num_layers: int = 2,
        encoder_layers: int = 1,
        embedding_size: int = 256,
        heads: int = 1,
        dropout: float = 0.3,
        word_dropout: float = 0.1,
        subword_dropout: float = 0.0,
        label_smoothing: float = 0.1,
        options: Mapping[str, Any] | None = None,
        longest: int = LONGEST,
        beam: int = 5,
        length_penalty: float = 1.0,
        learning_rate: float = 4e-3,
        weight_decay: float = 0.0,
        averaging: float = 0.2,
        batch_size: int = 700,
        precision: str = "float32",
        max_epochs: int | None = None,
        budget: float | str | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.cell, self.units, self.vocabulary_size = cell, units, vocabulary_size
        self.hidden_size, self.num_layers, self.encoder_layers = hidden_size, num_layers, encoder_layers
        self.embedding_size, self.heads = embedding_size, heads
        self.dropout, self.word_dropout, self.subword_dropout = dropout, word_dropout, subword_dropout
        self.label_smoothing, self.options, self.longest = label_smoothing, options, longest
        self.beam, self.length_penalty = beam, length_penalty
        self.learning_rate, self.weight_decay, self.averaging = learning_rate, weight_decay, averaging
        self.batch_size, self.precision = batch_size, precision
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
            ended, self.n_iter_ = learn(network, pairs, course, self._respelling(pairs))
        self.network_, self.loss_ = network.eval(), ended.loss
        return self

    def _respelling(self, pairs: Sequence[Pair]) -> Respelling | None:
        """What draws other units for the same pairs, where that is wanted."""
        dropout = self._argument("subword_dropout")
        return partial(respelled, self.vocabularies_, pairs, dropout) if dropout else None

    def _translation_course(self, seed: int) -> Course:
        return Course(
            self._argument("learning_rate"),
            self._argument("weight_decay"),
            self._argument("batch_size"),
            self._argument("max_epochs"),
            self._argument("budget"),
            self._argument("label_smoothing"),
            self._argument("averaging"),
            seed,
            self._argument("precision"),
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
            self._argument("heads"),
        )
        rates = Rates(self._argument("dropout"), self._argument("word_dropout"))
        with seeded(seed):
            return TranslationNetwork(cell_of(self.cell), sizes, rates, options_of(self.options, projected=False))

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
                "ratio": fields.number(_LEAST_RATIO, MOST_UNITS),
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
