"""Labels of sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import InputError
from ...tables.sequences import Floats, Whole
from .estimator import SequenceEstimator
from .targets import Array, aligned, encoded

if TYPE_CHECKING:
    from ...inspect.subject import Subject


class SequenceClassifier(SequenceEstimator):
    """Labels sequences of any length with a recurrent network.

    cell: the name of one of ``gatewise.cells``, or your own. hidden_size, num_layers, bidirectional, options: of
    `gatewise.nn.Recurrent`, options as a dict. pooling: ``"last"`` takes what each direction puts out at its end,
    ``"mean"`` the mean over the sequence. dropout: probability, before the last linear layer and between layers.
    input_dropout: probability that the network does not see a feature at a step, in training.

    learning_rate: the peak of a one-cycle schedule of AdamW over max_epochs. average_from: share of the training after
    which weights are averaged; 1 for no average. validation: the share of each class that is held out; the network
    keeps the weights with which the loss on it was lowest, and stops after ``patience`` epochs without a gain. With 0,
    or in classes of fewer than 1 / validation sequences, nothing is held out, and the last weights are kept.

    id_column, time_column: of pandas frames with one row a step. random_state: None, a whole number, or a generator of
    numpy's. The same number gives the same bits, on the same machine with the same n_jobs. n_jobs: threads; None for
    one, -1 for all cores. verbose: a progress bar, on a terminal.

    After `fit`: ``classes_``, ``n_features_in_``, ``feature_names_in_`` where a frame has names, ``network_`` (a torch
    module), ``scale_`` (mean and deviation of the training data), ``n_iter_`` (epochs), ``validation_loss_`` (mean nats
    on the held-out part, or None).
    """

    classes_: Array

    def predict(self, X: Any, lengths: Any = None) -> Array:
        """The most probable label of each sequence, (N,)."""
        most = self.predict_proba(X, lengths).argmax(axis=1)
        return self.classes_[most]

    def predict_proba(self, X: Any, lengths: Any = None) -> Floats:
        """The probability of each of ``classes_``, (N, C)."""
        return self._answers(X, lengths).double().softmax(1).numpy()

    def score(self, X: Any, y: Any, lengths: Any = None) -> float:
        """The share of sequences whose label is predicted."""
        predicted = self.predict(X, lengths)
        actual = aligned(y, self._read(X, lengths))
        return float(np.mean([one == other for one, other in zip(predicted.tolist(), list(actual), strict=True)]))

    def _loss(self, said: Tensor, actual: Tensor) -> Tensor:
        return nn.functional.cross_entropy(said, actual)

    def _learn_targets(self, y: Any) -> tuple[Tensor, Whole]:
        self.classes_, codes = encoded(y)
        return torch.from_numpy(codes), codes

    @property
    def _outputs(self) -> int:
        return len(self.classes_)

    def _subject(self, given: dict[str, Any], output: str | None) -> Subject:
        from .subject import of_classes

        return of_classes(given, [str(label) for label in self.classes_.tolist()], output)

    def _learned(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        labels = self.classes_.tolist()
        if not all(isinstance(label, str | int | float) for label in labels):
            raise InputError("a file holds labels that are text or numbers", hint="translate the labels before fit")
        tensors, fitted = super()._learned()
        return tensors, {**fitted, "classes_": labels, "kind": self.classes_.dtype.str}

    def _restore(self, tensors: Mapping[str, Tensor], fitted: Mapping[str, Any]) -> None:
        self.classes_ = np.array(fitted["classes_"], np.dtype(fitted["kind"]))
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
