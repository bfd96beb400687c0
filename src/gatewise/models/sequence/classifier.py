"""Labels of sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ... import fields
from ...errors import InputError
from ...fields import Fields
from ...tables.sequences import Floats, Whole
from .estimator import SequenceEstimator
from .evaluation import Evaluation, evaluation
from .targets import Array, aligned, encoded, labels_of, stored_labels

if TYPE_CHECKING:
    from ...inspect.subject import Subject


class SequenceClassifier(SequenceEstimator):
    """Labels sequences of any length with a recurrent network, in scikit-learn's manner.

    A recurrent stack reads each sequence, its outputs are pooled to one vector, and a linear layer gives a logit for
    each class. Features are standardised by the training data, and the loss is the cross-entropy.

    Args:
        cell: The name of one of ``gatewise.cells``, or a cell of your own.
        hidden_size: Units of each layer and direction.
        num_layers: Layers.
        bidirectional: Whether a second direction reads each sequence backwards. Only a model that reads forwards can be
            exported or run step by step.
        pooling: ``"last"`` takes the output of each direction after it has read the sequence, ``"mean"`` the mean of
            the outputs over the sequence.
        dropout: The probability that a number is dropped between layers and before the linear layer, in training; at
            least 0, below 1.
        input_dropout: The probability that the network does not see a feature at a step, in training; at least 0, below
            1.
        options: Further arguments of `gatewise.nn.Recurrent` by name.
        learning_rate: The peak of the one-cycle schedule (arXiv:1708.07120) of AdamW; above 0, at most 10.
        weight_decay: Of AdamW, 0 to 10.
        batch_size: Sequences in a batch.
        max_epochs: Passes over the training data, at most.
        average_from: The share of the training after which weights are averaged (arXiv:1803.05407); 1 for no average.
        validation: The share of each class that is held out, at least 0 and below 1. The network keeps the weights with
            the lowest loss on it. With 0, or where every class has fewer than 1 / validation sequences, nothing is held
            out, and the network keeps the last weights.
        patience: Epochs without a lower held-out loss after which training stops.
        id_column: Of a data frame with a row for each step, the column that tells sequences apart.
        time_column: Of such a frame, the column by which each sequence is sorted.
        random_state: None for another result each time, a whole number, or one of numpy's generators. The same number
            gives the same bits, on the same machine with the same ``n_jobs``.
        n_jobs: Threads; None for one, -1 for all cores.
        verbose: Whether a progress bar is shown on a terminal.

    Attributes:
        classes_: The labels, sorted where they can be, (C,).
        n_features_in_: Features of a step.
        feature_names_in_: Their names, where a data frame gave some.
        network_: The trained network, a `torch.nn.Module`.
        scale_: Mean and standard deviation of each feature in the training data.
        n_iter_: Epochs trained.
        validation_loss_: The lowest loss on the held-out part, in nats a sequence; None where nothing was held out.
    """

    classes_: Array

    def predict(self, X: Any, lengths: Any = None) -> Array:
        """The most probable label of each sequence.

        Args:
            X: Sequences as in `fit`.
            lengths: Their lengths, as in `fit`.

        Returns:
            Labels (N,), of the kind that `fit` was given.

        Raises:
            InputError: Before `fit`, and for data that cannot be used.
            ShapeError: The sequences have another number of features.
        """
        most = self.predict_proba(X, lengths).argmax(axis=1)
        return self.classes_[most]

    def predict_proba(self, X: Any, lengths: Any = None) -> Floats:
        """The probability of each class for each sequence.

        Args:
            X: Sequences as in `fit`.
            lengths: Their lengths, as in `fit`.

        Returns:
            Probabilities (N, C), float64, in the order of ``classes_``.

        Raises:
            InputError: As `predict`.
            ShapeError: As `predict`.
        """
        return self._answers(X, lengths).double().softmax(1).numpy()

    def score(self, X: Any, y: Any, lengths: Any = None) -> float:
        """The share of sequences whose label is predicted (accuracy).

        Args:
            X: Sequences as in `fit`.
            y: Their labels, as in `fit`.
            lengths: Their lengths, as in `fit`.

        Returns:
            A number, 0 to 1.

        Raises:
            InputError: As `predict`, and where there is not one label for each sequence.
            ShapeError: As `predict`.
        """
        predicted = self.predict(X, lengths)
        actual = aligned(y, self._read(X, lengths))
        return float(np.mean([one == other for one, other in zip(predicted.tolist(), list(actual), strict=True)]))

    def evaluate(self, X: Any, y: Any, lengths: Any = None) -> Evaluation:
        """Measure the model on labelled sequences, class by class.

        Args:
            X: Sequences as in `fit`.
            y: Their labels, as in `fit`.
            lengths: Their lengths, as in `fit`.

        Returns:
            An `Evaluation`: the accuracy, precision, recall and F1 of each class, the confusion matrix, and the
            predicted labels.

        Raises:
            InputError: As `predict`, where there is not one label for each sequence, and for a label that the model has
                not learned.
            ShapeError: As `predict`.
        """
        predicted = self.predict(X, lengths)
        actual = labels_of(aligned(y, self._read(X, lengths)))
        return evaluation(self.classes_.tolist(), actual.tolist(), predicted)

    def _loss(self, logits: Tensor, actual: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits, actual)

    def _learn_targets(self, y: Any) -> tuple[Tensor, Whole]:
        self.classes_, codes = encoded(y)
        return torch.from_numpy(codes), codes

    @property
    def _outputs(self) -> int:
        return len(self.classes_)

    def _subject(self, sequence: dict[str, Any], output: str | None) -> Subject:
        from .subject import of_classes

        return of_classes(sequence, [str(label) for label in self.classes_.tolist()], output)

    def _learned(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        labels = self.classes_.tolist()
        if not all(isinstance(label, str | int | float) for label in labels):
            raise InputError(
                "only labels that are text or numbers can be saved", hint="translate the labels before fit"
            )
        tensors, fitted = super()._learned()
        return tensors, {**fitted, "classes_": labels, "kind": self.classes_.dtype.str}

    @classmethod
    def _fitted_fields(cls, most: int) -> Fields:
        return super()._fitted_fields(most).beside(classes_=fields.listed(fields.scalar, most), kind=fields.text)

    def _restore(self, tensors: Mapping[str, Tensor], fitted: Mapping[str, Any]) -> None:
        self.classes_ = stored_labels(fitted["classes_"], fitted["kind"])
        super()._restore(tensors, fitted)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's tools may expect."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(three_d_array=True),
        )
