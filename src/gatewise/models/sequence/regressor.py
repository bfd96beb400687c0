"""Numbers of sequences."""

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
from .scaling import Standard
from .targets import aligned, numbers

if TYPE_CHECKING:
    from ...inspect.subject import Subject


class SequenceRegressor(SequenceEstimator):
    """Predicts one or several numbers for each sequence, of any length, with a recurrent network.

    The network is that of `SequenceClassifier`, and so are the arguments. Features and targets are standardised by the
    training data, and the loss is the squared error. Its other attributes are those of `SequenceClassifier`, without
    ``classes_``.

    Attributes:
        target_scale_: Mean and standard deviation of each target in the training data.
        validation_loss_: The lowest mean squared error of standardised targets on the held-out part; None where nothing
            was held out.
    """

    target_scale_: Standard
    _flat: bool

    def predict(self, X: Any, lengths: Any = None) -> Floats:
        """The numbers of each sequence.

        Args:
            X: Sequences as in `fit`.
            lengths: Their lengths, as in `fit`.

        Returns:
            Predictions in the units and in the form of the y that was fitted, (N,) or (N, K), float64.

        Raises:
            InputError: Before `fit`, and for data that cannot be used.
            ShapeError: The sequences have another number of features.
        """
        outputs = self._answers(X, lengths).double().numpy()
        values = self.target_scale_.undone(outputs)
        return values[:, 0] if self._flat else values

    def score(self, X: Any, y: Any, lengths: Any = None) -> float:
        """The coefficient of determination R squared, the mean over targets.

        Args:
            X: Sequences as in `fit`.
            y: Their numbers, (N,) or (N, K).
            lengths: Their lengths, as in `fit`.

        Returns:
            A number of at most 1; a target that does not vary counts as 0.

        Raises:
            InputError: As `predict`, and where there is not one entry for each sequence.
            ShapeError: As `predict`.
        """
        predicted = self.predict(X, lengths).reshape(-1, self._outputs)
        actual = numbers(aligned(y, self._read(X, lengths)))
        left, total = ((actual - other) ** 2 for other in (predicted, actual.mean(axis=0)))
        left, total = left.sum(axis=0), total.sum(axis=0)
        return float(np.mean(1 - np.divide(left, total, out=np.ones_like(left), where=total > 0)))

    def _loss(self, outputs: Tensor, actual: Tensor) -> Tensor:
        return nn.functional.mse_loss(outputs, actual)

    def _learn_targets(self, y: Any) -> tuple[Tensor, Whole]:
        values = numbers(y)
        self._flat = np.ndim(y) == 1
        self.target_scale_ = Standard.of(values)
        return torch.from_numpy(self.target_scale_.applied(values)).float(), np.zeros(len(values), np.int64)

    @property
    def _outputs(self) -> int:
        return len(self.target_scale_.mean)

    def _after(self) -> tuple[nn.Module, ...]:
        return (self.target_scale_.inverse_module(),)

    def _subject(self, sequence: dict[str, Any], output: str | None) -> Subject:
        from .subject import of_numbers

        names = ["value"] if self._flat else [f"value {number}" for number in range(1, self._outputs + 1)]
        return of_numbers(sequence, self.target_scale_, names, output)

    def _learned(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors, fitted = super()._learned()
        scale = [column.tolist() for column in self.target_scale_]
        return tensors, {**fitted, "flat": self._flat, "target_scale_": scale}

    @classmethod
    def _fitted_fields(cls, most: int) -> Fields:
        scale = fields.listed(fields.listed(fields.number(), most), len(Standard._fields))
        return super()._fitted_fields(most).beside(flat=fields.flag, target_scale_=scale)

    def _restore(self, tensors: Mapping[str, Tensor], fitted: Mapping[str, Any]) -> None:
        columns = [torch.tensor(column, dtype=torch.float64) for column in fitted["target_scale_"]]
        scale = dict(zip(Standard._fields, columns, strict=True))
        self.target_scale_ = Standard.restored(scale, len(columns[0]))
        self._flat = fitted["flat"]
        if self._flat and self._outputs != 1:
            raise InputError(f"{self._outputs} targets in one column")
        super()._restore(tensors, fitted)

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's tools may expect."""
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=True, multi_output=True),
            regressor_tags=RegressorTags(),
            input_tags=InputTags(three_d_array=True),
        )
