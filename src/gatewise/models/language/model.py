"""A language model that is fitted to text, measured on text, and writes text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from ... import fields
from ...equation import Cell
from ...errors import InputError
from ...fields import Fields
from ...nn.chain import Chain
from ...nn.stored import check_finite, fill
from ...training import Stretches
from ..arguments import LARGEST_SEED, cell_of, number, options_of, seed_of, whole
from ..network_estimator import NetworkEstimator, seeded
from .generator import Sampling, TextGenerator, generator_of
from .network import LanguageNetwork, chain_of, learn, mean_loss
from .vocabulary import Listed, Text, Tokenized, Tokens, Vocabulary, vocabulary_of

if TYPE_CHECKING:
    from ...inspect.subject import Subject


class LanguageModel(NetworkEstimator):
    """Learns which character, or token, comes next, and writes text.

    An embedding, a recurrent stack and a linear layer. The text is read in ``batch_size`` columns side by side,
    ``length`` tokens at a time, with the state carried from one to the next (truncated backpropagation through time).
    Dropout is that of Zaremba, Sutskever & Vinyals, arXiv:1409.2329.

    Args:
        cell: The name of one of ``gatewise.cells``, or a cell of your own.
        hidden_size: Units of each layer.
        num_layers: Layers.
        embedding_size: Numbers by which each token is represented.
        dropout: The probability that a number is dropped between layers and before the linear layer, in training; at
            least 0, below 1.
        options: Further arguments of `gatewise.nn.Recurrent` by name.
        tokenizer: None for characters, or for tokens where the text is a list of them; otherwise an object with
            ``encode(text)``, which gives numbers, and ``decode(numbers)``.
        vocabulary: Characters or tokens to be known although they may not occur in the text.
        validation: The share at the end of the text that is not learned from, but measured on; at least 0, below 1. Its
            characters are known all the same.
        learning_rate: The peak of the one-cycle schedule (arXiv:1708.07120) of AdamW; above 0, at most 10.
        weight_decay: Of AdamW, 0 to 10.
        batch_size: Columns.
        length: Tokens of a column that are read at a time.
        max_epochs: Passes over the text.
        random_state: None for another result each time, a whole number, or one of numpy's generators. The same number
            gives the same bits, on the same machine with the same ``n_jobs``.
        n_jobs: Threads; None for one, -1 for all cores.
        verbose: Whether a progress bar is shown on a terminal.

    Attributes:
        vocabulary_: The characters or tokens that the model knows.
        network_: The trained network, a `torch.nn.Module`.
        loss_: The training loss in nats a token, smoothed over the last updates.
        validation_loss_: The `score` of the part held out; None where that has fewer than two tokens.
        validation_tokens_: How many tokens were held out.
    """

    _rules: ClassVar[Mapping[str, fields.Check]] = {
        **NetworkEstimator._rules,
        "embedding_size": whole,
        "length": whole,
        "validation": partial(number, low=0, high=1, open_high=True),
    }
    _rules_of_files: ClassVar[Mapping[str, fields.Check]] = {
        "tokenizer": fields.nothing,
        "vocabulary": fields.either(fields.listed(fields.text), fields.text),
    }

    vocabulary_: Vocabulary
    network_: LanguageNetwork
    loss_: float
    validation_loss_: float | None
    validation_tokens_: int

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
        validation: float = 0.0,
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
        self.tokenizer, self.vocabulary, self.validation = tokenizer, vocabulary, validation
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.batch_size, self.length, self.max_epochs = batch_size, length, max_epochs
        self.random_state, self.n_jobs, self.verbose = random_state, n_jobs, verbose

    def fit(self, text: Any, y: None = None) -> Self:
        """Learn from a text. Whatever was learned before is forgotten.

        Args:
            text: A string, or a list of tokens.
            y: Ignored; there for scikit-learn's tools.

        Returns:
            This object, fitted, with nothing read.

        Raises:
            InputError: Parameters or text cannot be used, such as a text too short for ``batch_size`` columns.
        """
        seed = seed_of(self.random_state)
        course, length = self._course(seed), self._argument("length")
        share = self._argument("validation")
        self.vocabulary_ = (
            Listed.of(text, self.vocabulary) if self.tokenizer is None else Tokenized.of(self.tokenizer, text)
        )
        tokens = torch.from_numpy(self.vocabulary_.encode(text))
        self.validation_tokens_ = int(share * len(tokens))
        learned, held_out = tokens.tensor_split([len(tokens) - self.validation_tokens_])
        with self._threads():
            source = Stretches(learned, course.batch_size, length)  # which a text that is too short has not
            self.network_ = self._network(seed)
            self.loss_ = learn(self.network_, source, course).loss
            self._start(seed)
            self.validation_loss_ = mean_loss(self.network_, held_out) if len(held_out) > 1 else None
        return self

    def score(self, text: Any, y: None = None) -> float:
        """Measure the model on a text; unlike other scores, lower is better.

        Args:
            text: At least two tokens, all of them known. The state is carried from each to the next.
            y: Ignored; there for scikit-learn's tools.

        Returns:
            The mean of -log p in nats, over all tokens but the first.

        Raises:
            InputError: Before `fit`, and for a text that is too short or has an unknown token.
        """
        tokens = self._encoded(text)
        if len(tokens) < 2:
            raise InputError(f"the text has {len(tokens)} tokens", hint="give at least two")
        with self._threads():
            return mean_loss(self.network_, torch.from_numpy(tokens))

    def perplexity(self, text: Any) -> float:
        """The effective number of equally likely next tokens: exp of `score`.

        Args:
            text: As in `score`.

        Returns:
            A number of at least 1; lower is better.

        Raises:
            InputError: As `score`.
        """
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
        """Continue everything read and generated since `reset`, and then the prompt.

        Args:
            prompt: Text that is read first, in the form that was learned; may be empty once something was read.
            length: Tokens to write.
            temperature: Logits are divided by it, 0 to 1e6: lower is more predictable, and 0 takes the most probable
                token.
            top_p: Only the most probable tokens that together have this probability are drawn (nucleus sampling,
                Holtzman et al., arXiv:1904.09751, section 3.1); above 0, at most 1.
            seed: A whole number, one of numpy's generators, or None for the model's own generator, which continues from
                call to call.

        Returns:
            The new text without the prompt: a string, or a list where the model learned from one.

        Raises:
            InputError: Before `fit`, for an unknown token in the prompt, for arguments out of range, and for an empty
                prompt where nothing was read before.
        """
        self._check_fitted()
        tokens = [] if isinstance(prompt, str | list | tuple) and not prompt else self._encoded(prompt)
        sampling, count = Sampling(temperature, top_p), whole("length", length, 0)
        generator = self._generator if seed is None else generator_of("seed", seed)
        if not len(tokens) and not self._text_generator.has_read:
            raise InputError("there is nothing to go on from", hint="give a prompt of at least one token")
        self._text_generator.read(tokens)
        return self.vocabulary_.decode(self._text_generator.write(count, sampling, generator))

    def subject(self, text: Any, *, output: str | None = None) -> Subject:
        """What the model expects after a text, for `gatewise.inspect.look_inside`.

        The text is read from a state of zeros, and `generate` is not affected.

        Args:
            text: At least one token.
            output: The next token that is shown first; by default the most probable.

        Returns:
            A `Subject`.

        Raises:
            InputError: Before `fit`, and for an empty text or an unknown token.
        """
        from .subject import subject_of

        tokens = self._encoded(text)
        return subject_of(self.network_, self.vocabulary_, tokens, output)

    def chain(self) -> Chain:
        """The model as modules that run step by step, for `gatewise.stream` and for export.

        Its input has a number for each token of the vocabulary, 1 for the token read and 0 for all others; its output
        is the logits of the next token.

        Returns:
            A `gatewise.nn.Chain` in evaluation mode.

        Raises:
            InputError: Before `fit`.
        """
        self._check_fitted()
        return chain_of(self.network_)

    def reset(self) -> Self:
        """Forget what was read and generated, and set the model's own generator back to its seed.

        Returns:
            This object.

        Raises:
            InputError: Before `fit`.
        """
        self._check_fitted()
        self._text_generator.reset()
        self._generator = np.random.default_rng(self._seed)
        return self

    @classmethod
    def load(cls, path: str | Path, *, cell: Cell | None = None, tokenizer: Any = None) -> Self:
        """Load the model that `save` wrote, with nothing read.

        ``n_jobs`` and ``verbose`` are their defaults: a file does not say how much of a machine is used.

        Args:
            path: The file. Nothing in it is executed.
            cell: The cell, where it is one of your own.
            tokenizer: The tokenizer, where the model was fitted with one.

        Returns:
            A fitted model.

        Raises:
            ModelFileError: The file is damaged, too new, or of another estimator, or a tokenizer is missing or
                superfluous.
        """
        return cls._load(path, cell=cell, tokenizer=tokenizer)

    def _learned(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        fitted = {
            "vocabulary": self.vocabulary_.state(),
            "loss": self.loss_,
            "seed": self._seed,
            "validation_loss": self.validation_loss_,
            "validation_tokens": self.validation_tokens_,
        }
        return self.network_.state_dict(), fitted

    @classmethod
    def _fitted_fields(cls, most: int) -> Fields:
        listed = Fields({"entries": fields.listed(fields.text, most), "joined": fields.flag})
        vocabulary = fields.either(Fields({"size": fields.whole(1, most)}), listed)
        held_out = {"validation_loss": fields.optional(fields.number()), "validation_tokens": fields.whole()}
        seed = fields.whole(0, LARGEST_SEED)
        return Fields({"vocabulary": vocabulary, "loss": fields.number(), "seed": seed, **held_out}, lacking=held_out)

    def _restore(self, tensors: Mapping[str, Tensor], fitted: Mapping[str, Any]) -> None:
        self.vocabulary_ = vocabulary_of(fitted["vocabulary"], self.tokenizer)
        self.loss_, self.validation_loss_ = fitted["loss"], fitted.get("validation_loss")  # old files have none
        self.validation_tokens_ = fitted.get("validation_tokens", 0)
        with torch.device("meta"):
            self.network_ = self._network(0)
        fill(self.network_, tensors, torch.get_default_dtype())
        check_finite(self.network_.state_dict())
        self._start(fitted["seed"])

    def _network(self, seed: int) -> LanguageNetwork:
        with seeded(seed):
            return LanguageNetwork(
                cell_of(self.cell),
                self.vocabulary_.size,
                self._argument("embedding_size"),
                self._argument("hidden_size"),
                self._argument("num_layers"),
                self._argument("dropout"),
                options_of(self.options, projected=False),
            )

    def _start(self, seed: int) -> None:
        self.network_.eval()
        self._seed, self._text_generator = seed, TextGenerator(self.network_)
        self._generator = np.random.default_rng(seed)

    def _encoded(self, text: Any) -> Tokens:
        self._check_fitted()
        return self.vocabulary_.encode(text)
