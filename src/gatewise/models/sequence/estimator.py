"""What the sequence estimators share: parameters, fitting, asking, saving."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from ... import fields
from ...equation import Cell
from ...errors import InputError, ShapeError, argument
from ...fields import Fields
from ...nn.chain import Chain
from ...nn.recurrent import Recurrent
from ...nn.stored import check_finite, fill, renamed, tensors_of
from ...tables.sequences import Sequences, Whole, read_sequences
from ..arguments import cell_of, flag, number, one_of, options_of, seed_of, whole
from ..network_estimator import NetworkEstimator, seeded
from .network import (
    BATCH,
    DROPOUT,
    INPUT_DROPOUT,
    POOLINGS,
    WEIGHT_DECAY,
    Examples,
    Loss,
    SequenceNetwork,
    answers,
    learn,
    recurrent_body,
)
from .scaling import Standard
from .targets import aligned, held_out

if TYPE_CHECKING:
    from ...inspect.subject import Subject

_BODY, _BODY_IN_FILES = "body.", "recurrent."
"""What the names of the body's weights begin with, in the network and in files: an estimator's body is recurrent."""


class SequenceEstimator(NetworkEstimator):
    """A recurrent network for whole sequences; see `SequenceClassifier` for its parameters.

    Subclasses define what is predicted: `_learn_targets` reads y, `_loss` compares, ``_outputs`` is K.
    """

    _rules: ClassVar[Mapping[str, fields.Check]] = {
        **NetworkEstimator._rules,
        "input_dropout": partial(number, low=0, high=1, open_high=True),
        "average_from": partial(number, low=0, high=1),
        "validation": partial(number, low=0, high=1, open_high=True),
        "patience": whole,
        "bidirectional": flag,
        "pooling": partial(one_of, words=POOLINGS),
    }

    network_: SequenceNetwork
    scale_: Standard
    n_features_in_: int
    n_iter_: int
    validation_loss_: float | None
    _loss: Loss

    def __init__(
        self,
        cell: str | Cell = "lstm",
        *,
        hidden_size: int = 128,
        num_layers: int = 1,
        bidirectional: bool = True,
        pooling: str = "last",
        dropout: float = DROPOUT,
        input_dropout: float = INPUT_DROPOUT,
        options: Mapping[str, Any] | None = None,
        learning_rate: float = 5e-3,
        weight_decay: float = WEIGHT_DECAY,
        batch_size: int = BATCH,
        max_epochs: int = 40,
        average_from: float = 0.75,
        validation: float = 0.0,
        patience: int = 20,
        id_column: Any = None,
        time_column: Any = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.cell, self.hidden_size, self.num_layers = cell, hidden_size, num_layers
        self.bidirectional, self.pooling, self.options = bidirectional, pooling, options
        self.dropout, self.input_dropout = dropout, input_dropout
        self.learning_rate, self.weight_decay, self.batch_size = learning_rate, weight_decay, batch_size
        self.max_epochs, self.average_from = max_epochs, average_from
        self.validation, self.patience = validation, patience
        self.id_column, self.time_column = id_column, time_column
        self.random_state, self.n_jobs, self.verbose = random_state, n_jobs, verbose

    def fit(self, X: Any, y: Any, lengths: Any = None) -> Self:
        """Learn from sequences. Whatever was learned before is forgotten.

        Args:
            X: A list of N arrays (T, I), of numpy, torch or nested lists; an array (N, T, I); an array (N, I), which is
                N sequences of one step; or a data frame with a row for each step, see ``id_column``. Numbers must be
                finite.
            y: One label or value for each sequence, (N,) or for several values (N, K); or, for a frame with ids, a
                pandas Series by id.
            lengths: How many steps of each row of an array (N, T, I) belong to the sequence, (N,).

        Returns:
            This object, fitted.

        Raises:
            InputError: Parameters or data cannot be used.
        """
        seed = seed_of(self.random_state)
        course = self._course(seed)
        average_from, patience = self._argument("average_from"), self._argument("patience")
        sequences = self._read(X, lengths)
        targets, strata = self._learn_targets(aligned(y, sequences))
        learned, out = held_out(strata, self._argument("validation"), seed)
        self._describe(sequences)
        self.scale_ = Standard.of(sequences.take(learned).steps)
        inputs = self._inputs(sequences)
        parts = [Examples([inputs[row] for row in rows], targets[torch.from_numpy(rows)]) for rows in (learned, out)]
        with self._threads():
            self.network_ = self._network(seed, int(sequences.lengths.max()))
            trained, self.validation_loss_ = learn(
                self.network_,
                self._loss,
                parts[0],
                parts[1] if len(out) else None,
                course,
                average_from=average_from,
                patience=patience,
            )
        self.n_iter_ = trained.epochs
        return self

    def subject(self, X: Any, row: int = 0, *, lengths: Any = None, output: str | None = None) -> Subject:
        """The answer for one sequence, for `gatewise.inspect.look_inside`.

        Args:
            X: Sequences as in `fit`.
            row: Which of them, counted from 0.
            lengths: Their lengths, as in `fit`.
            output: The class, or the number of the target counted from 1, that is shown first; by default the most
                probable, or the first.

        Returns:
            A `Subject`.

        Raises:
            InputError: Before `fit`, and for a sequence or an output that does not exist.
            ShapeError: The sequences have another number of features.
        """
        self._check_fitted()
        sequences = self._read(X, lengths)
        self._check_features(sequences)
        from .subject import sequence_of

        return self._subject(
            sequence_of(self.network_, self.scale_, getattr(self, "feature_names_in_", None), sequences, row), output
        )

    def chain(self) -> Chain:
        """The estimator as modules that run step by step, for `gatewise.stream` and for export.

        After every step it gives the answer for the sequence up to there: a classifier the logits of its classes, a
        regressor its targets in their own units.

        Returns:
            A `gatewise.nn.Chain` in evaluation mode.

        Raises:
            InputError: Before `fit`, and for an estimator that needs the whole sequence: with two directions, or with
                ``pooling="mean"``.
        """
        self._check_fitted()
        name = type(self).__name__
        if self.bidirectional:
            raise InputError(
                f"this {name} reads sequences from both ends", hint=f"train one with {argument('bidirectional', False)}"
            )
        if (pooling := self._pooling) != "last":
            raise InputError(f"this {name} takes the {pooling} of all steps", hint="train one that pools the last step")
        network = self.network_
        assert isinstance(network.body, Recurrent)
        return Chain(self.scale_.module(), network.body, network.linear, *self._after()).eval()

    def _read(self, X: Any, lengths: Any) -> Sequences:
        return read_sequences(X, lengths, id_column=self.id_column, time_column=self.time_column)

    def _learn_targets(self, y: Any) -> tuple[Tensor, Whole]:
        """What the network is to say, (N, ...), and strata (N,) from each of which a part is held out."""
        raise NotImplementedError

    @property
    def _outputs(self) -> int:
        raise NotImplementedError

    def _after(self) -> tuple[nn.Module, ...]:
        """What a chain does to the answers of the network."""
        return ()

    def _subject(self, sequence: dict[str, Any], output: str | None) -> Subject:
        raise NotImplementedError

    @property
    def _pooling(self) -> str:
        return self._argument("pooling")

    def _describe(self, sequences: Sequences) -> None:
        self.n_features_in_ = sequences.width
        if sequences.features is not None:
            self.feature_names_in_ = np.array(sequences.features, object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _network(self, seed: int, longest: int) -> SequenceNetwork:
        dropout, both_ways = self._argument("dropout"), self._argument("bidirectional")
        with seeded(seed):
            body = recurrent_body(
                cell_of(self.cell),
                self.n_features_in_,
                self._argument("hidden_size"),
                layers=self._argument("num_layers"),
                both_ways=both_ways,
                dropout=dropout,
                options=options_of(self.options),
                longest=longest,
            )
            return SequenceNetwork(
                body,
                self._outputs,
                both_ways=both_ways,
                pooling=self._pooling,
                dropout=dropout,
                input_dropout=self._argument("input_dropout"),
            )

    def _inputs(self, sequences: Sequences) -> list[Tensor]:
        """The sequences as the network takes them: on one scale, float32."""
        rows = torch.from_numpy(self.scale_.applied(sequences.steps)).float()
        return list(rows.split(sequences.lengths.tolist()))

    def _answers(self, X: Any, lengths: Any) -> Tensor:
        """What the network says of sequences that fit those learned from, (N, K)."""
        self._check_fitted()
        sequences = self._read(X, lengths)
        self._check_features(sequences)
        with self._threads():
            return answers(self.network_, self._inputs(sequences))

    def _check_features(self, sequences: Sequences) -> None:
        known = getattr(self, "feature_names_in_", None)
        if known is not None and sequences.features is not None and tuple(known) != sequences.features:
            raise InputError(
                "The feature names should match those that were passed during fit: they are "
                f"{', '.join(sequences.features)}",
                hint=f"give {', '.join(known)}, in this order",
            )
        if sequences.width != self.n_features_in_:
            raise ShapeError(
                f"X has {sequences.width} features, but {type(self).__name__} is expecting {self.n_features_in_} "
                "features as input"
            )

    def _learned(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        names = getattr(self, "feature_names_in_", None)
        weights = renamed(self.network_.state_dict(), _BODY, _BODY_IN_FILES)
        tensors = {f"network.{name}": value for name, value in weights.items()}
        tensors |= {f"scale.{name}": torch.from_numpy(value) for name, value in self.scale_._asdict().items()}
        return tensors, {
            "n_features_in_": self.n_features_in_,
            "feature_names_in_": None if names is None else list(names),
            "n_iter_": self.n_iter_,
            "validation_loss_": self.validation_loss_,
        }

    @classmethod
    def _fitted_fields(cls, most: int) -> Fields:
        return Fields(
            {
                "n_features_in_": fields.whole(1, most),
                "feature_names_in_": fields.optional(fields.listed(fields.text, most)),
                "n_iter_": fields.whole(),
                "validation_loss_": fields.optional(fields.number()),
            }
        )

    def _restore(self, tensors: Mapping[str, Tensor], fitted: Mapping[str, Any]) -> None:
        self.n_features_in_, self.n_iter_ = fitted["n_features_in_"], fitted["n_iter_"]
        self.validation_loss_, names = fitted["validation_loss_"], fitted["feature_names_in_"]
        if names is not None:
            if len(names) != self.n_features_in_:
                raise InputError(f"{len(names)} names of {self.n_features_in_} features")
            self.feature_names_in_ = np.array(names, object)
        weights, scale = (tensors_of(tensors, prefix) for prefix in ("network.", "scale."))
        if len(weights) + len(scale) != len(tensors):
            raise InputError("a tensor is neither the network's nor the scale's")
        self.scale_ = Standard.restored(scale, self.n_features_in_)
        with torch.device("meta"):
            self.network_ = self._network(0, 0).eval()
        fill(self.network_, renamed(weights, _BODY_IN_FILES, _BODY), torch.get_default_dtype())
        check_finite(self.network_.state_dict())
