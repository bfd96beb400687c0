"""A language model that is fitted to text, measured on text, and writes text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor

from ...equation import Cell
from ...errors import InputError
from ...nn.chain import Chain
from ..arguments import cell_of, number, seed_of, whole
from ..network_estimator import NetworkEstimator, seeded
from .generator import Sampling, Writer
from .network import LanguageNetwork, chain_of, learn, mean_loss
from .vocabulary import Listed, Text, Tokenized, Tokens, Vocabulary, vocabulary_of

if TYPE_CHECKING:
    from ...inspect.subject import Subject


class LanguageModel(NetworkEstimator):
    """Learns which character, or token, comes next.

    cell: the name of one of ``gatewise.cells``, or your own. hidden_size, num_layers, options: of
    `gatewise.nn.Recurrent`, options as a dict. embedding_size: numbers for each token. dropout: probability, between
    layers and before the last. tokenizer: None for characters, or for tokens where the text is a list of them; else an
    object with ``encode(text)`` to numbers and ``decode(numbers)``. vocabulary: characters or tokens that are to be
    known although they may not occur in the text learned from.

    The text is read in batch_size columns side by side, ``length`` tokens at a time, with the state carried on
    (truncated backpropagation through time). learning_rate: the peak of a one-cycle schedule of AdamW over max_epochs.
    random_state: None, a whole number, or a generator of numpy's; the same number gives the same bits, on the same
    machine with the same n_jobs. n_jobs: threads; None for one, -1 for all cores. verbose: a progress bar, on a
    terminal.

    After `fit`: ``vocabulary_``, ``network_`` (a torch module), ``loss_`` (mean nats a token in training, smoothed).
    """

    vocabulary_: Vocabulary
    network_: LanguageNetwork
    loss_: float

    def __init__(
        self,
        cell: str | Cell = "lstm",
        *,
        hidden_size: int = 128,
        num_layers: int = 2,
        embedding_size: int = 64,
        dropout: float = 0.1,
        options: Mapping[str, Any] | None = None,
        tokenizer: Any = None,
        vocabulary: Text = "",
        learning_rate: float = 4e-3,
        weight_decay: float = 0.0,
        batch_size: int = 32,
        length: int = 64,
        max_epochs: int = 8,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.cell, self.hidden_size, self.num_layers = cell, hidden_size, num_layers
        self.embedding_size, self.dropout, self.options = embedding_size, dropout, options
        self.tokenizer, self.vocabulary = tokenizer, vocabulary
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.batch_size, self.length, self.max_epochs = batch_size, length, max_epochs
        self.random_state, self.n_jobs, self.verbose = random_state, n_jobs, verbose

    def fit(self, text: Any, y: None = None) -> Self:
        """Learn from a string, or a list of tokens; whatever was learned before is forgotten. y: not looked at.

        Raises InputError for parameters or text that cannot be used.
        """
        seed = seed_of(self.random_state)
        course, length = self._course(seed), whole("length", self.length)
        self.vocabulary_ = (
            Listed.of(text, self.vocabulary) if self.tokenizer is None else Tokenized.of(self.tokenizer, text)
        )
        tokens = torch.from_numpy(self.vocabulary_.encode(text))
        with self._threads():
            self.network_ = self._network(seed)
            self.loss_ = learn(self.network_, tokens, course, length).loss
        self._start(seed)
        return self

    def score(self, text: Any, y: None = None) -> float:
        """Mean nats a token, lower is better, of all tokens but the first; the state is carried from each to the next.

        Raises InputError for text of fewer than two tokens, or with one that was not learned.
        """
        tokens = self._encoded(text)
        if len(tokens) < 2:
            raise InputError(f"the text has {len(tokens)} tokens", hint="give at least two")
        with self._threads():
            return mean_loss(self.network_, torch.from_numpy(tokens))

    def perplexity(self, text: Any) -> float:
        """exp(score): among how many equally likely tokens the model chooses, as it were."""
        return math.exp(self.score(text))

    def generate(
        self,
        prompt: Any = "",
        length: int = 200,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int | np.random.Generator | None = None,
    ) -> Any:
        """Go on from all that was read and generated since `reset`, then from the prompt, by ``length`` tokens.

        temperature, top_p: see `Sampling`. seed: a whole number, a generator of numpy's, or None for the model's own
        generator, which goes on from call to call. Returns the new text without the prompt; of a list, a list.
        Raises InputError for an unknown character or token in the prompt, and where there is nothing to go on from.
        """
        tokens = self._encoded(prompt) if len(prompt) else []
        sampling, count = Sampling(temperature, top_p), whole("length", length, 0)
        generator = self._generator if seed is None else np.random.default_rng(seed)
        if not len(tokens) and not self._writer.has_read:
            raise InputError("there is nothing to go on from", hint="give a prompt of at least one token")
        self._writer.read(tokens)
        return self.vocabulary_.decode(self._writer.write(count, sampling, generator))

    def subject(self, text: Any, *, output: str | None = None) -> Subject:
        """What the model expects after a text, to look into with `gatewise.inspect.look_inside`.

        The text is read from a state of zeros, whatever was read before, and nothing of it is kept. output: the token
        that is looked at first, by default the likeliest. Raises InputError for a text or token that was not learned.
        """
        from .subject import subject_of

        tokens = self._encoded(text)
        return subject_of(self.network_, self.vocabulary_, tokens, output)

    def chain(self) -> Chain:
        """The chain that says logits of the next token after every one, for `gatewise.stream` and for export.

        It takes one number for each token of the vocabulary, 1 for the one that comes and 0 for the others. Raises
        InputError before `fit`.
        """
        self._check_fitted()
        return chain_of(self.network_)

    def reset(self) -> Self:
        """Forget what was read and generated; the model's own generator begins anew too."""
        self._check_fitted()
        self._writer.reset()
        self._generator = np.random.default_rng(self._seed)
        return self

    @classmethod
    def load(cls, path: str | Path, *, cell: Cell | None = None, tokenizer: Any = None) -> Self:
        """The model that `save` wrote, which has read nothing yet.

        cell: where it is none of gatewise's own; tokenizer: where there was one. Raises ModelFileError for a file that
        is damaged, foreign, too new, or of another estimator; nothing in it is executed.
        """
        return cls._load(path, cell=cell, tokenizer=tokenizer)

    def _learned(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        fitted = {"vocabulary": self.vocabulary_.state(), "loss": self.loss_, "seed": self._seed}
        return self.network_.state_dict(), fitted

    def _restore(self, tensors: Mapping[str, Tensor], fitted: Mapping[str, Any]) -> None:
        self.vocabulary_ = vocabulary_of(fitted["vocabulary"], self.tokenizer)
        self.loss_ = float(fitted["loss"])
        self.network_ = self._network(0)
        self.network_.load_state_dict(tensors)
        self._start(int(fitted["seed"]))

    def _network(self, seed: int) -> LanguageNetwork:
        with seeded(seed):
            return LanguageNetwork(
                cell_of(self.cell),
                self.vocabulary_.size,
                whole("embedding_size", self.embedding_size),
                whole("hidden_size", self.hidden_size),
                whole("num_layers", self.num_layers),
                number("dropout", self.dropout, 0, 1, open_high=True),
                dict(self.options or {}),
            )

    def _start(self, seed: int) -> None:
        self.network_.eval()
        self._seed, self._writer = seed, Writer(self.network_)
        self._generator = np.random.default_rng(seed)

    def _encoded(self, text: Any) -> Tokens:
        self._check_fitted()
        return self.vocabulary_.encode(text)
