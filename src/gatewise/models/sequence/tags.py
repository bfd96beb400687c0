"""What the estimators tell scikit-learn's tools, which alone ask."""

from __future__ import annotations

from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags


def classifier_tags() -> Tags:
    """Of `SequenceClassifier`."""
    return Tags(
        estimator_type="classifier",
        target_tags=TargetTags(required=True),
        classifier_tags=ClassifierTags(),
        input_tags=InputTags(three_d_array=True),
    )


def regressor_tags() -> Tags:
    """Of `SequenceRegressor`."""
    return Tags(
        estimator_type="regressor",
        target_tags=TargetTags(required=True, multi_output=True),
        regressor_tags=RegressorTags(),
        input_tags=InputTags(three_d_array=True),
    )
