"""A chain says after every step what its estimator says of the sequence up to there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.tolerance import FLOAT32_CHAIN

from gatewise.errors import InputError
from gatewise.estimators import LanguageModel, SequenceClassifier, SequenceRegressor

QUICK = {"hidden_size": 5, "max_epochs": 1, "random_state": 0, "bidirectional": False}
RNG = np.random.default_rng(0)
X = [RNG.normal(3.0, 2.0, (6, 2)).cumsum(0) for _ in range(8)]


def said(chain, rows):
    with torch.no_grad():
        return chain(torch.from_numpy(rows).float())[0]


def test_a_classifiers_logits():
    model = SequenceClassifier(**QUICK, num_layers=2).fit(X, list("abababab"))
    shares = said(model.chain(), X[0]).softmax(-1).numpy()
    for steps in range(1, 7):
        expected = model.predict_proba([X[0][:steps]])[0]
        assert np.abs(shares[steps - 1] - expected).max() <= FLOAT32_CHAIN


def test_a_regressors_targets_in_their_own_units():
    model = SequenceRegressor(**QUICK).fit(X, np.arange(16.0).reshape(8, 2) * 100)
    values = said(model.chain(), X[1]).numpy()
    expected = model.predict([X[1][:4]])[0]
    assert np.abs(values[3] - expected).max() <= FLOAT32_CHAIN * np.abs(expected).max()


def test_a_language_models_logits():
    model = LanguageModel(hidden_size=5, max_epochs=1, random_state=0, batch_size=1).fit("the theme of themes " * 9)
    tokens = torch.from_numpy(model.vocabulary_.encode("theme"))
    with torch.no_grad():
        expected = model.network_.eval()(tokens[:, None])[0][:, 0]
        found = model.chain()(torch.nn.functional.one_hot(tokens, model.network_.linear.out_features).float())[0]
    assert float((found - expected).abs().max()) <= FLOAT32_CHAIN


@pytest.mark.parametrize("parameters", [{"bidirectional": True}, {"pooling": "mean"}], ids=str)
def test_what_needs_the_end_is_refused(parameters):
    model = SequenceClassifier(**QUICK | parameters).fit(X, list("abababab"))
    with pytest.raises(InputError, match=r"both ends|mean of all steps"):
        model.chain()


def test_what_is_not_fitted_is_refused():
    for model in (SequenceClassifier(), LanguageModel()):
        with pytest.raises(InputError, match="not fitted"):
            model.chain()
