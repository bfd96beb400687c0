from __future__ import annotations

import numpy as np
import pytest
from tests.tolerance import ROUNDING

from gatewise.errors import InputError
from gatewise.estimators import SequenceClassifier, load_labelled
from gatewise.models.sequence.evaluation import evaluation

CLASSES = ["a", "b", "c", "unseen"]
X = [np.ones((index % 3 + 1, 1)) * index for index in range(8)]


def test_the_scores_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    generator = np.random.default_rng(0)
    actual, predicted = generator.choice(CLASSES[:3], (2, 50))
    scores = evaluation(CLASSES, actual.tolist(), predicted)
    assert scores.confusion.tolist() == metrics.confusion_matrix(actual, predicted, labels=CLASSES).tolist()
    assert scores.accuracy == scores.correct / 50 == metrics.accuracy_score(actual, predicted)
    expected = metrics.precision_recall_fscore_support(actual, predicted, labels=CLASSES, zero_division=np.nan)
    for score, *figures in zip(scores.classes[:3], *expected, strict=False):
        assert [score.precision, score.recall, score.f1, score.sequences] == pytest.approx(figures, rel=ROUNDING)
    assert str(scores) == f"accuracy {scores.accuracy:.2%} ({scores.correct} of 50)"
    assert scores.classes[3] == ("unseen", None, None, None, 0)


def test_what_the_command_reads_is_fitted_and_measured_in_python(tmp_path):
    rows = [f"{index % 3},{n}:{'up' if n > 0 else 'down'}" for index in range(4) for n in (1, -1)]
    (tmp_path / "a.ts").write_text("\n".join(("@univariate true", "@classLabel true up down", "@data", *rows)))
    X, y, notes = load_labelled(tmp_path / "a.ts")
    scores = SequenceClassifier(hidden_size=2, max_epochs=1, random_state=0).fit(X, y).evaluate(X, y)
    assert [(score.label, score.sequences) for score in scores.classes] == [("down", 4), ("up", 4)]
    assert notes == ()


def test_a_fitted_classifier_is_measured_in_one_call():
    y = np.array([3, 5] * 4)
    model = SequenceClassifier(hidden_size=2, max_epochs=1, random_state=0).fit(X, y)
    scores = model.evaluate(X, y)
    assert scores.accuracy == model.score(X, y)
    assert scores.predicted.tolist() == model.predict(X).tolist()
    assert [score.label for score in scores.classes] == [3, 5]
    assert scores.confusion.sum(axis=1).tolist() == [4, 4]
    with pytest.raises(InputError, match="not learned the label 4 of sequence 1\nhint: it knows 3, 5"):
        model.evaluate(X, [3, 4] * 4)
