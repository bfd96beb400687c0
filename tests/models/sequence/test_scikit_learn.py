"""scikit-learn's own checks of an estimator, and each that ours do not pass, with the reason."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import estimator_checks_generator

from gatewise.errors import InputError
from gatewise.estimators import SequenceClassifier, SequenceRegressor

QUICK = {"hidden_size": 8, "max_epochs": 12, "batch_size": 32, "learning_rate": 0.03, "weight_decay": 0.0}
QUICK |= {"dropout": 0.0, "input_dropout": 0.0}

BOTH = {
    "check_dtype_object": "a dict in X is a ValueError with its place, as all bad input is, not a TypeError",
}
CLASSIFIER = {
    "check_supervised_y_2d": "labels of shape (N, 1) are refused; nothing is reshaped with a warning",
}


def checks():
    """Every check, and as an expected failure those that are listed: one of these that passes is a failure."""
    with warnings.catch_warnings():
        # an estimator need not inherit from scikit-learn, which is not installed with gatewise
        warnings.filterwarnings("ignore", "Estimator .* does not inherit", UserWarning)
        for estimator, reasons in (
            (SequenceClassifier(**QUICK), BOTH | CLASSIFIER),
            (SequenceRegressor(**QUICK), BOTH),
        ):
            for prepared, check in estimator_checks_generator(estimator):
                name = check.func.__name__
                marks = [pytest.mark.xfail(reason=reasons[name], strict=True)] if name in reasons else []
                yield pytest.param(prepared, check, id=f"{type(estimator).__name__}-{name}", marks=marks)


@pytest.mark.slow
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_scikit_learns_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Estimator .* does not inherit", UserWarning)
        check(estimator)


def ragged(count: int = 24, seed: int = 0):
    """Sequences of two features, whose label is the sign of the first one's mean."""
    generator = np.random.default_rng(seed)
    signs = np.where(np.arange(count) % 2, 1.0, -1.0)
    X = [generator.normal((sign, 0), size=(3 + index % 5, 2)) for index, sign in enumerate(signs)]
    return X, np.where(signs > 0, "up", "down")


def test_ragged_lists_go_through_scikit_learns_tools():
    X, y = ragged()
    model = SequenceClassifier(**QUICK, random_state=0)
    assert is_classifier(model)
    assert is_regressor(SequenceRegressor())
    assert cross_val_score(model, X, y, cv=3).mean() > 0.7
    found = GridSearchCV(model, {"cell": ["gru", "lstm"]}, cv=2).fit(X, y)
    assert found.best_estimator_.cell in ("gru", "lstm")
    assert clone(model).get_params() == model.get_params()


@pytest.mark.parametrize(
    ("estimator", "parameters", "y", "says"),
    [
        (SequenceClassifier, {"options": [1]}, None, "`options` is \\[1\\]"),
        (
            SequenceClassifier,
            {"options": {"hidden_size": 3}},
            None,
            "`options` has 'hidden_size'.*of layer_norm",
        ),
        (SequenceClassifier, {"options": {1: 2}}, None, "`options` has 1"),
        (SequenceClassifier, {"bidirectional": "no"}, None, "`bidirectional` is 'no'.*True or False"),
        (SequenceClassifier, {}, pd.Series(["up", pd.NA] * 12), "sequence 1: <NA> is no label.*keep_default_na"),
        (SequenceRegressor, {}, pd.date_range("2024", periods=24), "not a number .it holds datetime64"),
    ],
)
def test_what_cannot_be_learned_from_is_one_sentence(estimator, parameters, y, says):
    X, labels = ragged()
    with pytest.raises(InputError, match=f"(?s){says}"):
        estimator(**QUICK).set_params(**parameters).fit(X, labels if y is None else y)


@pytest.mark.parametrize("both", [np.bool_(False), 0])
def test_a_switch_may_come_from_a_grid(both):
    X, y = ragged()
    assert not SequenceClassifier(**QUICK, bidirectional=both).fit(X, y).network_.body.bidirectional


def test_an_unfitted_one_says_so_in_both_languages():
    with pytest.raises(NotFittedError, match="not fitted") as error:
        SequenceClassifier().predict(ragged()[0])
    assert isinstance(error.value, ValueError)
